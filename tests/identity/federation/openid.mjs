// A real OpenID provider (the certified oidc-provider) for tests: its people and its client come as JSON on stdin's
// first line, and its issuer goes out on stdout. People log in by a form, as anywhere.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

const lines = createInterface({ input: process.stdin });
const settings = JSON.parse((await lines[Symbol.asyncIterator]().next()).value);
lines.on('close', () => process.exit(0));
const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [{
    client_id: settings.client_id,
    client_secret: settings.client_secret,
    redirect_uris: [settings.redirect_uri],
    token_endpoint_auth_method: 'client_secret_post',
  }],
  claims: { openid: ['sub', 'amr'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
  conformIdTokenClaims: false,
  cookies: { keys: ['of-tests'] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  pkce: { required: () => false },
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...settings.people[id] }) }),
});
const serve = provider.callback();

async function granted(details) {
  const grant = new provider.Grant({ accountId: details.session.accountId, clientId: details.params.client_id });
  grant.addOIDCScope(details.params.scope);
  return { consent: { grantId: await grant.save() } };
}

async function interact(request, response) {
  const details = await provider.interactionDetails(request, response);
  if (details.prompt.name === 'consent') {
    return provider.interactionFinished(request, response, await granted(details), { mergeWithLastSubmission: true });
  }
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
  const login = { accountId: form.get('login'), amr: person.amr ?? ['pwd'] };
  return provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
}

server.on('request', (request, response) => {
  if (!request.url.startsWith('/interaction/')) return serve(request, response);
  return interact(request, response).catch((error) => { response.statusCode = 500; response.end(String(error)); });
});
process.stdout.write(`${issuer}\n`);
