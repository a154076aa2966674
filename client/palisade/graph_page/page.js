"use strict";

const graph = JSON.parse(document.getElementById("data").textContent);
const nodes = graph.nodes;
const edges = graph.edges;
const layout = new Layout(nodes.length, edges);
const canvas = document.getElementById("drawing");
const pen = canvas.getContext("2d");
const hidden = new Set();
const relations = nodes.map(() => []);
edges.forEach(([a, b, name]) => {
  relations[a].push([b, name, true]);
  if (a !== b) relations[b].push([a, name, false]);
});
const NAMED = 24; // things whose names are always written: those with the most relations
const LISTED = 200; // in one list of the panel
const NAMES_FROM = 1.6; // the size from which every name is written
const RISKS = { critical: "#dc2626", high: "#f97316" };
const byRank = nodes.map((_, place) => place).sort((a, b) => layout.degree[b] - layout.degree[a]);
const foremost = new Set(byRank.slice(0, NAMED));
const colours = new Map();
const view = { x: 0, y: 0, size: 1 };
let chosen = null;
let held = null;
let isFitted = true;

function byType() {
  const counts = new Map();
  nodes.forEach((node) => counts.set(node.type, (counts.get(node.type) || 0) + 1));
  return [...counts].sort((a, b) => b[1] - a[1]);
}

// Hues far apart from one another, by the golden ratio, and none near the red and orange that are the risks'; after a
// round of them, darker and then lighter.
const LIGHTNESS = [48, 34, 64];
byType().forEach(([type], place) => {
  const hue = 50 + ((0.34 + place * 0.618034) % 1) * 280;
  colours.set(type, `hsl(${hue} 60% ${LIGHTNESS[Math.floor(place / 8) % LIGHTNESS.length]}%)`);
});

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  return made;
}

// From far away a thing is still a point that can be seen.
function radius(place) {
  return Math.max(3 + Math.min(11, Math.sqrt(layout.degree[place]) * 1.4), 1.5 / view.size);
}

function isShown(place) {
  return !hidden.has(nodes[place].type);
}

function draw() {
  const style = getComputedStyle(document.documentElement);
  const dense = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== width * dense || canvas.height !== height * dense) {
    canvas.width = width * dense;
    canvas.height = height * dense;
  }
  pen.setTransform(dense, 0, 0, dense, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.setTransform(dense * view.size, 0, 0, dense * view.size, dense * (width / 2 + view.x), dense * (height / 2 + view.y));
  drawEdges(style.getPropertyValue("--edge"), style.getPropertyValue("--link"));
  nodes.forEach((_, place) => isShown(place) && drawNode(place, style.getPropertyValue("--text")));
  drawNames(style.getPropertyValue("--text"), style.getPropertyValue("--ground"));
}

function drawEdges(quiet, loud) {
  pen.lineWidth = 0.7 / Math.sqrt(view.size);
  for (const isLoud of [false, true]) {
    pen.strokeStyle = isLoud ? loud : quiet;
    pen.globalAlpha = isLoud ? 1 : 0.45;
    pen.beginPath();
    for (const [a, b] of edges) {
      if (!isShown(a) || !isShown(b) || (chosen !== null && (a === chosen || b === chosen)) !== isLoud) continue;
      pen.moveTo(layout.x[a], layout.y[a]);
      pen.lineTo(layout.x[b], layout.y[b]);
    }
    pen.stroke();
  }
  pen.globalAlpha = 1;
}

function drawNode(place, text) {
  const node = nodes[place];
  pen.beginPath();
  pen.arc(layout.x[place], layout.y[place], radius(place), 0, 2 * Math.PI);
  pen.fillStyle = colours.get(node.type);
  pen.globalAlpha = node.distance > 1 ? 0.6 : 1;
  pen.fill();
  pen.globalAlpha = 1;
  const ring = place === chosen ? text : RISKS[node.risk];
  if (ring) {
    pen.strokeStyle = ring;
    pen.lineWidth = Math.max(2.2, 1 / view.size);
    pen.stroke();
  }
}

function drawNames(text, ground) {
  pen.font = `${12 / view.size}px system-ui, sans-serif`;
  pen.lineJoin = "round";
  const near = chosen === null ? new Set() : new Set(relations[chosen].slice(0, NAMED).map(([other]) => other));
  const written = [];
  for (const place of byRank) {
    if (!isShown(place)) continue;
    if (place !== chosen && !near.has(place) && !foremost.has(place) && view.size < NAMES_FROM) continue;
    const value = nodes[place].value;
    const words = value.length > 40 ? `${value.slice(0, 39)}…` : value;
    const x = layout.x[place] + radius(place) + 3 / view.size;
    const y = layout.y[place] + 4 / view.size;
    const box = { left: x, right: x + pen.measureText(words).width, top: y - 12 / view.size, bottom: y };
    if (place !== chosen && written.some((other) => overlap(box, other))) continue;
    written.push(box);
    pen.strokeStyle = ground;
    pen.lineWidth = 3 / view.size;
    pen.strokeText(words, x, y);
    pen.fillStyle = text;
    pen.fillText(words, x, y);
  }
}

function overlap(one, other) {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}

function fit() {
  if (nodes.length === 0) return;
  let left = Infinity, right = -Infinity, top = Infinity, bottom = -Infinity;
  nodes.forEach((_, place) => {
    left = Math.min(left, layout.x[place]);
    right = Math.max(right, layout.x[place]);
    top = Math.min(top, layout.y[place]);
    bottom = Math.max(bottom, layout.y[place]);
  });
  const room = 0.86 * Math.min(canvas.clientWidth / (right - left + 60), canvas.clientHeight / (bottom - top + 60));
  view.size = Math.min(2, room);
  view.x = (-(left + right) / 2) * view.size;
  view.y = (-(top + bottom) / 2) * view.size;
}

function zoom(factor, x = 0, y = 0) {
  isFitted = false;
  const size = Math.min(12, Math.max(0.02, view.size * factor));
  view.x = x - ((x - view.x) * size) / view.size;
  view.y = y - ((y - view.y) * size) / view.size;
  view.size = size;
  draw();
}

function move(dx, dy) {
  isFitted = false;
  view.x += dx;
  view.y += dy;
  draw();
}

function whole() {
  isFitted = true;
  fit();
  draw();
}

function fromMiddle(event) {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
}

function under(event) {
  const [sx, sy] = fromMiddle(event);
  const x = (sx - view.x) / view.size, y = (sy - view.y) / view.size;
  let best = null, least = Infinity;
  nodes.forEach((_, place) => {
    const distance = Math.hypot(layout.x[place] - x, layout.y[place] - y) - radius(place);
    if (isShown(place) && distance < least) [best, least] = [place, distance];
  });
  return least * view.size < 6 ? best : null;
}

function listed(list, places) {
  list.replaceChildren(...places.slice(0, LISTED).map(([place, note]) => {
    const button = element("button", nodes[place].value, { type: "button" });
    button.append(" ", element("small", note));
    button.addEventListener("click", () => choose(place, true));
    const item = element("li");
    item.append(button);
    return item;
  }));
  if (places.length > LISTED) list.append(element("li", `and ${places.length - LISTED} more`));
}

function choose(place, isToBeSeen = false) {
  chosen = place;
  const panel = document.getElementById("chosen");
  panel.hidden = place === null;
  if (place !== null) {
    const node = nodes[place];
    panel.querySelector("h2").textContent = node.value;
    panel.querySelector("dl").replaceChildren(...facts(node).flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
    const related = relations[place].map(([other, name, isOutward]) => [other, isOutward ? `${name} →` : `← ${name}`]);
    listed(panel.querySelector("ul"), related);
    if (isToBeSeen) {
      isFitted = false;
      view.size = Math.max(view.size, 1);
      view.x = -layout.x[place] * view.size;
      view.y = -layout.y[place] * view.size;
    }
  }
  draw();
}

function facts(node) {
  const days = [node.first_seen, node.last_seen].map((each) => each.slice(0, 10));
  return [
    ["type", node.type],
    ["risk", node.risk],
    ["confidence", `${Math.round(node.confidence * 100)} %`],
    ["seen", days[0] === days[1] ? days[0] : `${days[0]} to ${days[1]}`],
    ["observations", String(node.observations)],
    ["found by", node.sources.join(", ")],
    ...Object.entries(node.attributes),
  ].filter(([, value]) => value);
}

function search(words) {
  const wanted = words.trim().toLowerCase();
  const hits = wanted ? nodes.map((node, place) => [place, node.type]).filter(([place]) => nodes[place].value.toLowerCase().includes(wanted)) : [];
  listed(document.getElementById("found"), hits);
  if (wanted && hits.length === 0) document.getElementById("found").append(element("li", "No such thing."));
}

function showTypes() {
  document.getElementById("types").replaceChildren(...byType().map(([type, count]) => {
    const box = element("input", undefined, { type: "checkbox", checked: "" });
    box.addEventListener("change", () => {
      if (box.checked) hidden.delete(type);
      else hidden.add(type);
      draw();
    });
    const mark = element("span", undefined, { class: "mark" });
    mark.style.background = colours.get(type);
    const label = element("label");
    label.append(box, mark, type.replaceAll("_", " "), " ", element("small", count.toLocaleString("en")));
    const item = element("li");
    item.append(label);
    return item;
  }));
}

function arrange() {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const status = document.getElementById("arranging");
  const until = performance.now() + 24;
  do layout.advance(); while (!layout.isDone && performance.now() < until);
  status.querySelector("progress").value = layout.step / STEPS;
  if (isFitted) fit();
  if (!still || layout.isDone) draw();
  if (layout.isDone) status.hidden = true;
  else setTimeout(arrange); // and not with the frames, which a page in the background has none of
}

canvas.addEventListener("pointerdown", (event) => {
  held = { x: event.clientX, y: event.clientY, isMoved: false };
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", (event) => {
  if (!held) return;
  const dx = event.clientX - held.x, dy = event.clientY - held.y;
  if (!held.isMoved && Math.hypot(dx, dy) < 4) return;
  held = { x: event.clientX, y: event.clientY, isMoved: true };
  move(dx, dy);
});
canvas.addEventListener("pointerup", (event) => {
  if (held && !held.isMoved) choose(under(event));
  held = null;
});
canvas.addEventListener("pointercancel", () => { held = null; });
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY * 0.0015), ...fromMiddle(event));
}, { passive: false });
canvas.addEventListener("keydown", (event) => {
  const keys = {
    ArrowLeft: () => move(40, 0), ArrowRight: () => move(-40, 0), ArrowUp: () => move(0, 40), ArrowDown: () => move(0, -40),
    "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), 0: whole, Escape: () => choose(null),
  };
  if (keys[event.key]) {
    event.preventDefault();
    keys[event.key]();
  }
});
document.getElementById("closer").addEventListener("click", () => zoom(1.25));
document.getElementById("farther").addEventListener("click", () => zoom(0.8));
document.getElementById("whole").addEventListener("click", whole);
document.getElementById("search").addEventListener("input", (event) => search(event.target.value));
window.addEventListener("resize", () => (isFitted ? whole() : draw()));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

const left = graph.left_out ? `; ${graph.left_out.toLocaleString("en")} with the fewest relations are left out` : "";
document.getElementById("summary").textContent =
  `${nodes.length.toLocaleString("en")} things, ${edges.length.toLocaleString("en")} relations, ${graph.exported_at.slice(0, 16).replace("T", " ")} UTC${left}.`;
document.getElementById("empty").hidden = nodes.length > 0;
document.getElementById("arranging").hidden = nodes.length === 0;
showTypes();
if (nodes.length > 0) arrange();
