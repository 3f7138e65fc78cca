"use strict";

// Modules stand in preorder: a module's submodules follow it, so each index is larger than its parent's.
const data = JSON.parse(document.getElementById("data").textContent);
const { modules, nodes, texts, sides, measures } = data;
const count = modules.scope.length;
const ROOT = 0;
const ROW_HEIGHT = 22;
const LEAST_WIDTH = 0.6; // pixels; narrower modules are not drawn
const PAGE = 300; // rows
const AGREEMENT_COLOURS = {
  equal: "#7cc47f", "100 dB and more": "#a5d38b", "80 to 100 dB": "#cfdf94", "60 to 80 dB": "#f4e58f",
  "40 to 60 dB": "#f2c14e", "20 to 40 dB": "#ee9a57", "below 20 dB": "#e57373", "not finite": "#b45fb0",
};
const CONFIDENCE_COLOURS = { high: "#7cc47f", medium: "#f2c14e", low: "#e57373", several: "#b9c2cc" };

const children = modules.scope.map(() => []);
const depth = new Array(count).fill(0);
for (let module = 1; module < count; module++) {
  children[modules.parent[module]].push(module);
  depth[module] = depth[modules.parent[module]] + 1;
}
const nodesOf = modules.scope.map(() => []);
nodes.module.forEach((module, node) => nodesOf[module].push(node));

const state = { measure: "nodes", colour: "class", zoom: ROOT, selected: ROOT, found: null, sort: null, rows: PAGE };

const byId = (id) => document.getElementById(id);

// Text from the model is only ever set as text, never as markup.
function element(tag, attributes = {}, ...content) {
  const svg = ["svg", "rect", "text", "title", "g"].includes(tag);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...content);
  return made;
}

const nameOf = (module) => modules.name[module] || modules.class[module] || "(root)";
const scopeOf = (module) => modules.scope[module] || "(root)";
const unitOf = (key) => measures.find((measure) => measure.key === key).unit;

function number(value, key = state.measure) {
  const digits = Number.isInteger(value) ? 0 : 1;
  return value.toLocaleString("en", { maximumFractionDigits: digits }) + (unitOf(key) ? ` ${unitOf(key)}` : "");
}

function values(side, key = state.measure) {
  return sides[side].values[key] || { own: new Array(count).fill(0), all: new Array(count).fill(0) };
}

// What the values of a measure leave out, or take for granted.
const noteOf = (side, key = state.measure) => (side.notes[key] ? ` (${side.notes[key]})` : "");

function isBelow(module, ancestor) {
  while (module > ancestor) module = modules.parent[module];
  return module === ancestor;
}

// A colour that stays the same for a text, from one report to the next.
function colourOfText(text) {
  if (!text) return "#c3cad3";
  let hash = 2166136261;
  for (const char of text) hash = Math.imul(hash ^ char.codePointAt(0), 16777619);
  return `hsl(${(hash >>> 0) % 360} ${45 + ((hash >>> 9) % 20)}% ${66 + ((hash >>> 16) % 12)}%)`;
}

// The one value of all nodes in a module and below it; undefined without nodes, null with several values.
function commonValues(column) {
  const common = new Array(count).fill(undefined);
  const add = (module, value) => {
    if (value !== undefined) common[module] = common[module] === undefined || common[module] === value ? value : null;
  };
  nodes.module.forEach((module, node) => add(module, nodes[column][node]));
  for (let module = count - 1; module > 0; module--) add(modules.parent[module], common[module]);
  return common;
}
const textsOf = (common) => common.map((value) => (value === undefined ? "" : value === null ? "several" : texts[value]));
const common = { confidence: textsOf(commonValues("confidence")), source: textsOf(commonValues("source")) };

// The one provider of a module and all below it.
function commonProviders(own) {
  const found = own.slice();
  for (let module = count - 1; module > 0; module--) {
    const [inner, outer] = [found[module], modules.parent[module]];
    if (inner) found[outer] = !found[outer] || found[outer] === inner ? inner : "several";
  }
  return found;
}
const providers = sides.map((side) => commonProviders(side.providers));

function valueOf(side, module) {
  if (state.colour === "class") return modules.class[module];
  if (state.colour === "difference") return "";
  if (state.colour === "provider") return providers[side][module];
  if (state.colour === "agreement") return sides[side].agreement[module];
  return common[state.colour][module];
}

const fixedColours = () => ({ confidence: CONFIDENCE_COLOURS, agreement: AGREEMENT_COLOURS })[state.colour] || {};

function colourOf(side, module) {
  if (state.colour === "difference") {
    const [before, after] = [values(0).all[module], values(1).all[module]];
    const change = before === after ? 0 : (after - before) / Math.max(before, after);
    if (!change) return "#c3cad3";
    return `hsl(${change > 0 ? 8 : 145} ${30 + 50 * Math.abs(change)}% ${80 - 25 * Math.abs(change)}%)`;
  }
  const value = valueOf(side, module);
  return fixedColours()[value] || colourOfText(value);
}

function drawChart(side) {
  const { all } = values(side);
  const width = Math.max(300, byId("charts").clientWidth);
  const svg = element("svg", { tabindex: "0", role: "application", "aria-label": `${sides[side].label} by module` });
  let levels = 1;
  const pending = [[state.zoom, 0, width]];
  while (pending.length) {
    const [module, left, size] = pending.pop();
    const level = depth[module] - depth[state.zoom];
    levels = Math.max(levels, level + 1);
    svg.append(drawModule(side, module, left, level * ROW_HEIGHT, size));
    let at = left;
    for (const child of children[module]) {
      const part = all[module] ? (size * all[child]) / Math.max(all[module], sum(children[module], all)) : 0;
      if (part >= LEAST_WIDTH) pending.push([child, at, part]);
      at += part;
    }
  }
  svg.setAttribute("viewBox", `0 0 ${width} ${levels * ROW_HEIGHT}`);
  svg.setAttribute("height", levels * ROW_HEIGHT);
  const caption = `${sides[side].label}: ${number(all[state.zoom])}${noteOf(sides[side])}`;
  return element("figure", {}, element("figcaption", {}, caption), svg);
}

const sum = (indices, column) => indices.reduce((total, index) => total + column[index], 0);

function drawModule(side, module, left, top, size) {
  const { own, all } = values(side);
  const group = element("g", { "data-module": module });
  const rect = element("rect", { x: left, y: top, width: size, height: ROW_HEIGHT - 1, fill: colourOf(side, module), rx: 2 });
  if (module === state.selected) rect.classList.add("selected");
  if (state.found && !state.found.has(module)) group.classList.add("other");
  const kind = modules.class[module] ? ` (${modules.class[module]})` : "";
  group.append(rect, element("title", {}, `${scopeOf(module)}${kind}\n${number(own[module])} own, ${number(all[module])} in all`));
  const letters = Math.floor((size - 8) / 6.4);
  if (letters >= 2) {
    const name = nameOf(module);
    group.append(element("text", { x: left + 4, y: top + 15 }, name.length > letters ? `${name.slice(0, letters - 1)}\u2026` : name));
  }
  return group;
}

function drawPath() {
  const path = [];
  for (let module = state.zoom; module >= 0; module = modules.parent[module]) path.unshift(module);
  byId("path").replaceChildren(
    ...path.flatMap((module, index) => {
      const button = element("button", { type: "button", "data-module": module }, nameOf(module));
      return index ? [" \u203a ", button] : [button];
    }),
  );
}

function drawDetails() {
  const module = state.selected;
  const facts = [
    ["module", scopeOf(module)],
    ["class", modules.class[module] || "unknown"],
    ...measures.flatMap(({ key, name }) =>
      sides
        .filter((side) => side.values[key])
        .map((side) => [
          sides.length > 1 ? `${name}, ${side.label}` : name,
          `${number(side.values[key].own[module], key)} own, ${number(side.values[key].all[module], key)} in all${noteOf(side, key)}`,
        ]),
    ),
  ];
  const list = element("dl");
  for (const [title, text] of facts) list.append(element("dt", {}, title), element("dd", {}, text));
  const own = nodesOf[module];
  const table = element("table", { id: "nodes" });
  table.append(
    element("thead", {}, row("th", ["position", "operator", "name", "serves", "source", "confidence", "reason", "evidence in the file"])),
    element("tbody", {}, ...own.slice(0, PAGE).map(nodeRow)),
  );
  const shown = own.length > PAGE ? ` (the first ${PAGE} of ${number(own.length, "nodes")})` : "";
  byId("details").replaceChildren(element("h2", {}, scopeOf(module)), list);
  if (own.length) byId("details").append(element("h2", {}, `Nodes that ran in it${shown}`), element("div", {}, table));
}

function nodeRow(node) {
  const text = (column) => texts[nodes[column][node]];
  const evidence = nodes.evidence[node].map((claim) => texts[claim]).join(", ") || "none";
  const made = row("td", [nodes.position[node], text("op"), nodes.name[node], text("serves"), text("source"), text("confidence"), text("reason"), evidence]);
  for (const column of [0, 1, 4, 5]) made.cells[column].classList.add("short");
  return made;
}

const row = (tag, cells) => element("tr", {}, ...cells.map((cell) => element(tag, {}, cell)));

// The columns of the table of modules: a title, the value to sort by and the text to show.
function columns() {
  const result = [
    { title: "module", value: (module) => module, text: scopeOf },
    { title: "class", value: (module) => modules.class[module], text: (module) => modules.class[module] },
  ];
  sides.forEach((side, index) => {
    const label = sides.length > 1 ? `, ${side.label}` : "";
    for (const part of ["own", "all"]) {
      const column = values(index)[part];
      result.push({ title: `${part}${label}`, numeric: true, value: (module) => column[module], text: (module) => number(column[module]) });
    }
  });
  if (sides.length > 1) {
    const change = (module) => values(1).all[module] - values(0).all[module];
    result.push({ title: "difference", numeric: true, value: change, text: (module) => (change(module) > 0 ? "+" : "") + number(change(module)) });
  }
  const first = values(0);
  const share = (module) => (first.all[ROOT] ? (100 * first.all[module]) / first.all[ROOT] : 0);
  result.push({ title: "share", numeric: true, value: share, text: (module) => `${share(module).toFixed(1)}%` });
  return result;
}

function drawTable() {
  const shown = columns();
  let listed = modules.scope.map((_, module) => module).filter((module) => isBelow(module, state.zoom));
  if (state.found) listed = listed.filter((module) => state.found.has(module));
  if (state.sort) {
    const { value } = shown[state.sort.column];
    const compare = (a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : a - b);
    listed.sort((a, b) => state.sort.direction * compare(a, b));
  }
  const head = element("tr");
  shown.forEach(({ title, numeric }, column) => {
    const cell = element("th", { scope: "col", tabindex: "0", "data-column": column }, title);
    if (numeric) cell.classList.add("number");
    if (state.sort?.column === column) cell.setAttribute("aria-sort", state.sort.direction > 0 ? "ascending" : "descending");
    head.append(cell);
  });
  const rows = listed.slice(0, state.rows).map((module) => {
    const made = element("tr", { "data-module": module });
    if (module === state.selected) made.classList.add("selected");
    for (const { text, numeric } of shown) {
      const cell = element("td", {}, text(module));
      if (numeric) cell.classList.add("number");
      made.append(cell);
    }
    return made;
  });
  byId("modules").tHead.replaceChildren(head);
  byId("modules").tBodies[0].replaceChildren(...rows);
  byId("more").hidden = listed.length <= state.rows;
}

function drawKey() {
  if (state.colour === "difference") return ["red: more in the second, green: less"];
  const sizes = new Map();
  for (let module = 0; module < count; module++) {
    sides.forEach((_, side) => {
      const value = valueOf(side, module);
      if (value) sizes.set(value, (sizes.get(value) || 0) + values(side).own[module]);
    });
  }
  const largest = [...sizes].sort((a, b) => b[1] - a[1]).slice(0, 12);
  return largest.map(([value]) => {
    const colour = fixedColours()[value] || colourOfText(value);
    return element("span", { class: "key" }, element("i", { style: `background:${colour}` }), value);
  });
}

function draw() {
  drawPath();
  const focused = document.activeElement?.tagName === "svg";
  byId("charts").replaceChildren(...sides.map((_, side) => drawChart(side)), element("p", { id: "key" }, ...drawKey()));
  if (focused) byId("charts").querySelector("svg").focus();
  drawDetails();
  drawTable();
}

function select(module) {
  state.selected = module;
  if (!isBelow(module, state.zoom)) state.zoom = module;
  draw();
}

function zoom(module) {
  state.zoom = state.selected = module;
  state.rows = PAGE;
  draw();
}

function search(text) {
  const wanted = text.trim().toLowerCase();
  state.found = null;
  byId("matches").textContent = "";
  if (wanted) {
    const has = (value) => value.toLowerCase().includes(wanted);
    const matching = new Set();
    for (let module = 0; module < count; module++) if (has(modules.scope[module]) || has(modules.class[module])) matching.add(module);
    nodes.module.forEach((module, node) => {
      if (has(nodes.name[node]) || has(texts[nodes.op[node]])) matching.add(module);
    });
    state.found = matching;
    byId("matches").textContent = `${matching.size} of ${count} modules`;
  }
  state.rows = PAGE;
  draw();
}

function move(key) {
  const module = state.selected;
  const siblings = module === ROOT ? [ROOT] : children[modules.parent[module]];
  const place = siblings.indexOf(module);
  const target = {
    ArrowUp: modules.parent[module],
    ArrowDown: children[module][0],
    ArrowLeft: siblings[place - 1],
    ArrowRight: siblings[place + 1],
  }[key];
  if (target >= 0) select(target);
}

function sortBy(column) {
  const direction = state.sort?.column === column ? -state.sort.direction : columns()[column].numeric ? -1 : 1;
  state.sort = { column, direction };
  drawTable();
}

const moduleAt = (target) => {
  const holder = target.closest("[data-module]");
  return holder ? Number(holder.dataset.module) : null;
};

document.addEventListener("click", (event) => {
  const module = moduleAt(event.target);
  if (module !== null) {
    if (event.target.closest("#path")) zoom(module);
    else if (event.target.closest("#charts") && module === state.selected) zoom(module === state.zoom ? Math.max(ROOT, modules.parent[module]) : module);
    else select(module);
  } else if (event.target.dataset.column) sortBy(Number(event.target.dataset.column));
});

document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, select")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "Enter" && event.target.dataset?.column) sortBy(Number(event.target.dataset.column));
  else if (event.key === "Enter" && event.target.closest("#charts")) zoom(state.selected);
  else if (event.key === "Escape") zoom(Math.max(ROOT, modules.parent[state.zoom]));
  else if (event.key === "/") byId("search").focus();
  else if (event.key.startsWith("Arrow") && event.target.closest("#charts")) move(event.key);
  else return;
  event.preventDefault();
});

byId("measure").append(...measures.map(({ key, name }) => element("option", { value: key }, name)));
byId("measure").addEventListener("change", (event) => { state.measure = event.target.value; draw(); });
byId("colour").addEventListener("change", (event) => { state.colour = event.target.value; draw(); });
byId("colour").querySelector('[value="difference"]').hidden = sides.length < 2;
byId("colour").querySelector('[value="provider"]').hidden = !sides.some((side) => side.providers.some(Boolean));
byId("colour").querySelector('[value="agreement"]').hidden = !sides.some((side) => side.agreement.some(Boolean));
byId("search").addEventListener("input", (event) => search(event.target.value));
byId("more").addEventListener("click", () => { state.rows += PAGE; drawTable(); });
byId("controls").addEventListener("submit", (event) => event.preventDefault());
window.addEventListener("resize", draw);
document.querySelector("h1").textContent = `${data.title} by module`;
byId("summary").textContent = `${number(nodes.module.length, "nodes")} nodes in ${number(nodesOf.filter((own) => own.length).length, "nodes")} modules`;
draw();
