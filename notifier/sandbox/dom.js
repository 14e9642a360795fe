"use strict";
// Elements, links, pictures and times. Nothing here or elsewhere on the page parses HTML.
const $ = id => document.getElementById(id);

function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") node.addEventListener(key, value);
    else if (value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.filter(child => child !== null && child !== undefined && child !== ""));
  return node;
}

const web = url => /^https?:\/\//i.test(url || "") ? url : null;
// the one place where an address out of a message becomes a link
const link = (url, attributes, ...inside) => web(url)
  ? el("a", { ...attributes, href: url, target: "_blank", rel: "noreferrer noopener" }, ...inside) : el("span", attributes, ...inside);

const SHAPES = {
  hash: "M9 3 7 21M17 3l-2 18M4 8.5h17M3 15.5h17",
  forum: "M4 4h16v11H10l-4 4v-4H4zM8 8h8M8 11h5",
  thread: "M6 4v7a4 4 0 0 0 4 4h8M14 11l4 4-4 4",
  file: "M6 3h8l5 5v13H6zM14 3v5h5M9 13h7M9 17h7",
  silent: "M6 16V10a6 6 0 0 1 12 0v6l2 2H4zM10 21h4M3 3l18 18",
  speaker: "M4 9v6h4l5 4V5L8 9zM16 9a4 4 0 0 1 0 6M18.500 6.500a8 8 0 0 1 0 11",
  out: "M8 4H4v16h16v-4M12 4h8v8M20 4 10 14",
  save: "M12 3v12M7 10l5 5 5-5M4 20h16",
  picture: "M3 5h18v14H3zM3 16l5-5 4 4 3-3 6 6M16 9h.01",
  menu: "M4 6h16M4 12h16M4 18h16",
};
function icon(name, label) {
  const space = "http://www.w3.org/2000/svg", svg = document.createElementNS(space, "svg"), path = document.createElementNS(space, "path");
  path.setAttribute("d", SHAPES[name]);
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", class: "icon", ...(label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" }) })) svg.setAttribute(key, value);
  if (label) { const title = document.createElementNS(space, "title"); title.textContent = label; svg.append(title); }
  svg.append(path);
  return svg;
}

// ---- pictures: the page's content policy lets none come from outside, until somebody asks for the page that does
const OUTSIDE = new URLSearchParams(location.search).get("pictures") === "outside";
const host = url => { try { return new URL(url).host; } catch { return "an address that is none"; } };
// a file of this sandbox, whatever name the sender called it by
const ownFile = file => new URL(file.url).pathname.slice(1);

function sourceOf(url, message) {
  if (!url.startsWith("attachment://")) return OUTSIDE ? web(url) : null;
  const file = message.attachments.find(each => each.filename === url.slice("attachment://".length));
  return file ? ownFile(file) : null;
}

function picture(source, alt, instead) {
  const image = el("img", { src: source, alt: alt || "", loading: "lazy", referrerpolicy: "no-referrer" });
  image.addEventListener("error", () => image.replaceWith(instead()));
  return image;
}

// short: where there is little room, all of it is in the label
function largePicture(url, message, alt, short) {
  const source = sourceOf(url, message), upload = url.startsWith("attachment://");
  const lost = why => el("span", { class: "lost" }, icon("picture"), el("span", {}, alt ? `${alt} (${why})` : why));
  if (source) return picture(source, alt, () => lost(upload ? `${url}: no picture` : `no picture came from ${host(url)}`));
  if (upload || !web(url)) return lost(`${url}: no such file in this message`);
  const text = `${alt ? alt + ": a" : "A"} picture from ${host(url)}, not loaded.`;
  return el("a", { class: "lost", href: "?pictures=outside", title: url, "aria-label": short ? `${text} Load pictures from outside` : null }, icon("picture"),
    short ? el("span", {}, "not loaded") : el("span", {}, text, " ", el("u", {}, "Load pictures from outside")));
}

function smallPicture(url, message, name) {
  const source = sourceOf(url, message), say = OUTSIDE || !web(url) ? `${name} without a picture` : `${name} from ${host(url)}, not loaded`;
  const lost = () => el("span", { class: "lost-icon", role: "img", "aria-label": say, title: say });
  return source ? picture(source, "", lost) : lost();
}

// ---- times, in the words of the browser's language
const STEPS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
function relative(moment, now = Date.now()) {
  const seconds = Math.round((moment.getTime() - now) / 1000);
  const [unit, size] = STEPS.find(([, each]) => Math.abs(seconds) >= each) || ["second", 1];
  return new Intl.RelativeTimeFormat(undefined, { numeric: "always" }).format(Math.round(seconds / size), unit);
}

function clock(text) {
  const moment = new Date(text);
  if (Number.isNaN(moment.getTime())) return el("span", { class: "when" }, String(text));
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(moment).setHours(0, 0, 0, 0)) / 86400000);
  const time = moment.toLocaleTimeString([], { timeStyle: "short" });
  const day = days === 0 ? "Today at" : days === 1 ? "Yesterday at" : moment.toLocaleDateString([], { dateStyle: "short" });
  return el("time", { class: "when", datetime: moment.toISOString(), title: moment.toLocaleString([], { dateStyle: "full", timeStyle: "medium" }) }, `${day} ${time}`);
}

const bytes = size => size < 1024 ? `${size} bytes` : size < 1048576 ? `${(size / 1024).toFixed(1)} KB` : `${(size / 1048576).toFixed(1)} MB`;
const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
