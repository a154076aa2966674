// Asks the platform how it is, now and every few seconds, and says so.

const EVERY = 5000;
const WITHIN = 8000;
const NAMES = { table: "Database", facts: "Storage", bus: "Events" };

const summary = document.getElementById("summary");
const parts = document.getElementById("parts");

async function ask(path) {
  const began = performance.now();
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(WITHIN) });
  const milliseconds = performance.now() - began;
  return { answer, milliseconds };
}

async function health() {
  try {
    const { answer, milliseconds } = await ask("/api/v1/health");
    return { name: "API", ok: answer.ok, milliseconds };
  } catch {
    return { name: "API", ok: false };
  }
}

async function dependencies() {
  try {
    const { answer } = await ask("/api/v1/ready");
    const said = await answer.json();
    return (said.dependencies ?? []).map((each) => ({ ...each, name: NAMES[each.name] ?? each.name }));
  } catch {
    return [];
  }
}

function row({ name, ok, milliseconds }) {
  const line = document.createElement("tr");
  const head = document.createElement("th");
  const state = document.createElement("td");
  const latency = document.createElement("td");
  head.scope = "row";
  head.textContent = name;
  state.dataset.state = ok ? "good" : "bad";
  state.textContent = ok ? "answers" : "does not answer";
  latency.className = "number";
  latency.textContent = milliseconds === undefined ? "–" : `${milliseconds.toFixed(0)} ms`;
  line.append(head, state, latency);
  return line;
}

function conclude(found) {
  if (!found[0].ok) return ["bad", "The API does not answer."];
  const silent = found.filter((each) => !each.ok).map((each) => each.name);
  if (silent.length) return ["bad", `Something is missing: ${silent.join(", ")}.`];
  return ["good", "Everything answers."];
}

async function look() {
  const api = await health();
  const found = [api, ...(api.ok ? await dependencies() : [])];
  const [state, words] = conclude(found);
  parts.replaceChildren(...found.map(row));
  summary.dataset.state = state;
  if (summary.textContent !== words) summary.textContent = words; // a reader hears changes alone
  setTimeout(look, EVERY);
}

for (const place of document.querySelectorAll("[data-origin]")) place.textContent = location.origin;
look();
