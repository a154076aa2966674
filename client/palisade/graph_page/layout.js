"use strict";

// Where things lie: related ones are drawn together, all others apart. Springs along the relations, and a repulsion
// that takes far groups as one, by Barnes and Hut (Nature 324, 1986): n log n a step.

const STEPS = 300;
const SPRING = 34; // pixels between related things
const REPULSION = 60;
const GRAVITY = 0.04; // towards the middle, so that what is unrelated does not drift away
const FRICTION = 0.6;
const FAR = 0.81; // the square of a group's width over its distance, below which it counts as one
const CROWD = 8; // things that a square may hold before it is divided
const DEPTH = 24; // things at one place are never divided

class Layout {
  constructor(count, edges) {
    this.count = count;
    this.edges = edges.filter(([a, b]) => a !== b);
    this.step = 0;
    this.x = new Float64Array(count);
    this.y = new Float64Array(count);
    this.speedX = new Float64Array(count);
    this.speedY = new Float64Array(count);
    this.degree = new Int32Array(count);
    for (const [a, b] of this.edges) {
      this.degree[a]++;
      this.degree[b]++;
    }
    this.begin();
  }

  get isDone() {
    return this.step >= STEPS;
  }

  // On a spiral, neighbours after neighbours: much is in order before the first step.
  begin() {
    const turn = Math.PI * (3 - Math.sqrt(5));
    this.inOrder().forEach((thing, place) => {
      const radius = SPRING * Math.sqrt(place + 0.5) * 0.6;
      this.x[thing] = radius * Math.cos(place * turn);
      this.y[thing] = radius * Math.sin(place * turn);
    });
  }

  inOrder() {
    const near = Array.from({ length: this.count }, () => []);
    for (const [a, b] of this.edges) {
      near[a].push(b);
      near[b].push(a);
    }
    const seen = new Uint8Array(this.count);
    const order = [];
    const first = Array.from({ length: this.count }, (_, thing) => thing);
    first.sort((a, b) => this.degree[b] - this.degree[a]);
    for (const root of first) {
      if (seen[root]) continue;
      seen[root] = 1;
      for (let queue = [root], place = 0; place < queue.length; place++) {
        order.push(queue[place]);
        for (const next of near[queue[place]]) {
          if (!seen[next]) {
            seen[next] = 1;
            queue.push(next);
          }
        }
      }
    }
    return order;
  }

  advance() {
    const heat = Math.pow(0.001, this.step / STEPS);
    this.pull(heat);
    this.repel(heat);
    for (let thing = 0; thing < this.count; thing++) {
      this.speedX[thing] = (this.speedX[thing] - this.x[thing] * GRAVITY * heat) * FRICTION;
      this.speedY[thing] = (this.speedY[thing] - this.y[thing] * GRAVITY * heat) * FRICTION;
      this.x[thing] += this.speedX[thing];
      this.y[thing] += this.speedY[thing];
    }
    this.step++;
  }

  // The busier end of a relation moves less, and a thing with many relations pulls each of them less.
  pull(heat) {
    for (const [a, b] of this.edges) {
      const dx = this.x[b] + this.speedX[b] - this.x[a] - this.speedX[a] || 1e-6;
      const dy = this.y[b] + this.speedY[b] - this.y[a] - this.speedY[a] || 1e-6;
      const distance = Math.sqrt(dx * dx + dy * dy);
      const strength = heat / Math.min(this.degree[a], this.degree[b]);
      const force = ((distance - SPRING) / distance) * strength;
      const share = this.degree[a] / (this.degree[a] + this.degree[b]);
      this.speedX[b] -= dx * force * share;
      this.speedY[b] -= dy * force * share;
      this.speedX[a] += dx * force * (1 - share);
      this.speedY[a] += dy * force * (1 - share);
    }
  }

  repel(heat) {
    if (this.count < 2) return;
    const root = this.square();
    for (let thing = 0; thing < this.count; thing++) this.flee(thing, root, heat);
  }

  flee(thing, group, heat) {
    const dx = this.x[thing] - group.x;
    const dy = this.y[thing] - group.y;
    const distance = dx * dx + dy * dy;
    if (group.width * group.width < FAR * distance) {
      this.push(thing, dx, dy, distance, group.mass * heat);
    } else if (group.parts) {
      for (const part of group.parts) this.flee(thing, part, heat);
    } else {
      for (const other of group.things) {
        if (other === thing) continue;
        // Two at one place leave it in different directions.
        const x = this.x[thing] - this.x[other] || (thing < other ? -1e-3 : 1e-3);
        const y = this.y[thing] - this.y[other] || (thing < other ? -1e-3 : 1e-3);
        this.push(thing, x, y, x * x + y * y, heat);
      }
    }
  }

  push(thing, dx, dy, distance, force) {
    const strength = (REPULSION * force) / Math.max(distance, 1);
    this.speedX[thing] += dx * strength;
    this.speedY[thing] += dy * strength;
  }

  square() {
    let left = Infinity, top = Infinity, right = -Infinity, bottom = -Infinity;
    for (let thing = 0; thing < this.count; thing++) {
      left = Math.min(left, this.x[thing]);
      right = Math.max(right, this.x[thing]);
      top = Math.min(top, this.y[thing]);
      bottom = Math.max(bottom, this.y[thing]);
    }
    const all = Array.from({ length: this.count }, (_, thing) => thing);
    return this.divided(all, left, top, Math.max(right - left, bottom - top, 1), 0);
  }

  divided(things, left, top, width, depth) {
    const group = { width, mass: things.length, x: 0, y: 0, parts: null, things };
    for (const thing of things) {
      group.x += this.x[thing] / things.length;
      group.y += this.y[thing] / things.length;
    }
    if (things.length <= CROWD || depth === DEPTH) return group;
    const half = width / 2;
    const quarters = [[], [], [], []];
    for (const thing of things) {
      quarters[(this.x[thing] >= left + half ? 1 : 0) + (this.y[thing] >= top + half ? 2 : 0)].push(thing);
    }
    group.parts = [];
    quarters.forEach((part, place) => {
      if (part.length === 0) return;
      group.parts.push(this.divided(part, left + (place % 2) * half, top + (place >> 1) * half, half, depth + 1));
    });
    return group;
  }
}
