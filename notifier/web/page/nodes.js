// Elements, and bringing what is shown up to date without touching what stays the same: focus, selection, what is
// opened and where one has scrolled to are kept. Nothing here or elsewhere on the page parses HTML.
const HANDLERS = ["click", "input", "change", "submit", "keydown", "pointermove", "pointerleave", "focus", "blur"];
const SVG = "http://www.w3.org/2000/svg";
const isKept = (node, name) => name === "open" && node.nodeName === "DETAILS" || name === "value" && node.nodeName === "INPUT";  // the reader's own

function made(node, properties, children) {
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node[`on${name}`] = value;
    else if (name === "checked" || name === "indeterminate") node[name] = value;
    else if (name === "sign") node.sign = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...present(children));
  return node;
}

const present = children => children.flat(Infinity).filter(each => each !== null && each !== undefined && each !== false && each !== "");

// properties: attributes, handlers by the event's name, `key` (which of several it is), `sign` (what it is made of:
// while that stays the same, its inside is left alone)
export function h(name, { key, ...properties } = {}, ...children) {
  return made(document.createElement(name), key === undefined ? properties : { ...properties, "data-key": key }, children);
}

export const svg = (name, properties, ...children) => made(document.createElementNS(SVG, name), properties, children);

const keyOf = node => node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("data-key") : null;
const isSame = (one, other) => one.nodeName === other.nodeName && keyOf(one) === keyOf(other);

function patch(old, node) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== node.data) old.data = node.data;
    return old;
  }
  if (old.sign !== node.sign) { old.replaceWith(node); return node; }
  for (const { name, value } of node.attributes) if (!isKept(old, name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const { name } of [...old.attributes]) if (!isKept(old, name) && !node.hasAttribute(name)) old.removeAttribute(name);
  for (const name of HANDLERS) old[`on${name}`] = node[`on${name}`];
  if (node.type === "checkbox") { old.checked = node.checked; old.indeterminate = node.indeterminate; }
  const value = node.value;  // before its options move away
  if (node.sign === undefined) sync(old, [...node.childNodes]);
  if (/^(INPUT|SELECT)$/.test(old.nodeName) && old.type !== "checkbox" && old !== document.activeElement && old.value !== value) old.value = value;
  return old;
}

function sync(parent, wanted) {
  const keyed = new Map();
  for (const child of parent.children) if (keyOf(child) !== null) keyed.set(keyOf(child), child);
  let at = parent.firstChild;
  for (const node of wanted) {
    const known = keyOf(node) === null ? null : keyed.get(keyOf(node));
    const old = known && isSame(known, node) ? known : at && isSame(at, node) ? at : null;
    if (known === old) keyed.delete(keyOf(node));  // of two with one key the second is another
    if (!old) { parent.insertBefore(node, at); continue; }
    if (old === at) at = at.nextSibling;
    else parent.insertBefore(old, at);
    patch(old, node);
  }
  while (at) { const next = at.nextSibling; at.remove(); at = next; }
}

// the children of a node become these
export function fill(parent, ...children) {
  const had = document.activeElement;
  sync(parent, present(children).map(each => each instanceof Node ? each : document.createTextNode(each)));
  if (had && had !== document.activeElement && had.isConnected) had.focus({ preventScroll: true });  // it was moved
}

// text from outside: what would steer a terminal or turn the direction of the text is shown as what it is
const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
export const plain = text => String(text ?? "").replace(STEERING, each => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);
export const given = (text, properties = {}) => h("bdi", properties, plain(text));
export const count = (number, word, words = `${word}s`) => `${number.toLocaleString()} ${number === 1 ? word : words}`;

const SHAPES = {
  overview: "M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-4H4zM14 8h6V4h-6z",
  waiting: "M12 7v5l3 2M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0",
  dead: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
  incidents: "M12 4 2.500 20h19zM12 10v4M12 17h.01",
  history: "M4 6h16M4 12h16M4 18h10",
  gates: "M4 21V5l8-2 8 2v16M4 21h16M9 21V9M15 21V9",
  silences: "M6 16v-6a6 6 0 0 1 10-4.500M18 10v6l2 2H6M10 21h4M3 3l18 18",
  jobs: "M4 8h16v12H4zM9 8V4h6v4M4 13h16",
  actions: "M6 3h9l4 4v14H6zM10 11h6M10 15h6",
  menu: "M4 6h16M4 12h16M4 18h16",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.400 1.400M17.600 17.600 19 19M5 19l1.400-1.400M17.600 6.400 19 5",
  well: "M4 12.500 9.500 18 20 6.500",
  bad: "M12 8v5M12 16.500h.01M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  search: "M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13M15.500 15.500 21 21",
};
export const icon = name => svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, svg("path", { d: SHAPES[name] }));
