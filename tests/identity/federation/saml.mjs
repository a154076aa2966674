// A real SAML identity provider (samlify) for tests: it signs what it says, and shows a log-in form. The first line on
// stdin says who it is and whom it knows; the address of its metadata goes out; the second line says who may ask it.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import samlify from 'samlify';

const { Constants, IdentityProvider, SamlLib, ServiceProvider } = samlify;
samlify.setSchemaValidator({ validate: () => Promise.resolve('not looked at') });
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const settings = JSON.parse((await lines.next()).value);
const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const base = `http://127.0.0.1:${server.address().port}`;
const escaped = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');

const identity = IdentityProvider({
  entityID: `${base}/metadata`,
  privateKey: settings.key,
  signingCert: settings.certificate,
  isAssertionEncrypted: false,
  requestSignatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  singleSignOnService: [{ Binding: Constants.namespace.binding.redirect, Location: `${base}/sso` }],
  nameIDFormat: ['urn:oasis:names:tc:SAML:2.0:nameid-format:persistent'],
});
let asking = null;

function attribute(name, values) {
  const each = values.map((value) => `<saml:AttributeValue>${escaped(value)}</saml:AttributeValue>`).join('');
  return `<saml:Attribute Name="${name}">${each}</saml:Attribute>`;
}

function filled(template, person, login, request) {
  const now = new Date();
  const later = new Date(now.getTime() + 300_000).toISOString();
  const said = Object.entries(person).map(([name, values]) => attribute(name, [values].flat())).join('');
  const statement = `<saml:AttributeStatement>${said}</saml:AttributeStatement>`;
  const id = `_${randomUUID()}`;
  const tags = {
    ID: id,
    AssertionID: `_${randomUUID()}`,
    Destination: asking.callback_url,
    Audience: asking.audience,
    SubjectRecipient: asking.callback_url,
    AssertionConsumerServiceURL: asking.callback_url,
    NameIDFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
    NameID: login,
    Issuer: identity.entityMeta.getEntityID(),
    IssueInstant: now.toISOString(),
    ConditionsNotBefore: now.toISOString(),
    ConditionsNotOnOrAfter: later,
    SubjectConfirmationDataNotOnOrAfter: later,
    StatusCode: 'urn:oasis:names:tc:SAML:2.0:status:Success',
    InResponseTo: request.extract.request.id,
    AuthnStatement: '',
  };
  const shaped = template.replace('{AttributeStatement}', statement);
  return { id, context: SamlLib.replaceTagsByValue(shaped, tags) };
}

async function answer(request, response) {
  const url = new URL(request.url, base);
  if (url.pathname === '/metadata') return response.end(identity.getMetadata());
  if (request.method === 'GET') {
    response.setHeader('content-type', 'text/html');
    return response.end('<form method="post"><input name="login"><input name="password" type="password"></form>');
  }
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const form = new URLSearchParams(Buffer.concat(chunks).toString());
  const person = settings.people[form.get('login')];
  if (!person || form.get('password') !== settings.password) {
    response.statusCode = 401;
    return response.end('wrong');
  }
  const provider = ServiceProvider({
    entityID: asking.audience,
    wantAssertionsSigned: true,
    assertionConsumerService: [{ Binding: Constants.namespace.binding.post, Location: asking.callback_url }],
  });
  const asked = await identity.parseLoginRequest(provider, 'redirect', { query: Object.fromEntries(url.searchParams) });
  const made = await identity.createLoginResponse(provider, asked, 'post', person,
    (template) => filled(template, person, form.get('login'), asked));
  response.setHeader('content-type', 'text/html');
  return response.end(`<form method="post" action="${asking.callback_url}">`
    + `<input type="hidden" name="SAMLResponse" value="${made.context}">`
    + `<input type="hidden" name="RelayState" value="${escaped(url.searchParams.get('RelayState') ?? '')}"></form>`);
}

server.on('request', (request, response) => {
  answer(request, response).catch((error) => { response.statusCode = 500; response.end(String(error.stack ?? error)); });
});
process.stdout.write(`${base}\n`);
for (let line = await lines.next(); !line.done; line = await lines.next()) asking = JSON.parse(line.value);
process.exit(0);
