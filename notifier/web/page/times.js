// Times and lengths of time, by the server's clock, in the words of the reader's browser.
import { h } from "./nodes.js";

let ahead = 0;  // milliseconds that the server's clock is ahead of ours
export const now = () => Date.now() + ahead;
export function serverSays(date) {
  const found = Date.parse(date) - Date.now();
  if (Number.isFinite(found)) ahead = Math.abs(found) > 2000 ? found : 0;  // the header has whole seconds
}

export function span(seconds) {
  const all = Math.max(0, Math.round(seconds)), days = Math.floor(all / 86400), hours = Math.floor(all / 3600) % 24, minutes = Math.floor(all / 60) % 60;
  if (days) return hours ? `${days} d ${hours} h` : `${days} d`;
  if (hours) return minutes ? `${hours} h ${minutes} min` : `${hours} h`;
  if (minutes >= 10) return `${minutes} min`;
  if (minutes) return all % 60 ? `${minutes} min ${all % 60} s` : `${minutes} min`;
  return `${all} s`;
}

export const precisely = seconds => seconds < 1 ? `${Math.round(seconds * 1000)} ms` : seconds < 60 ? `${seconds.toFixed(seconds < 10 ? 1 : 0)} s` : span(seconds);

export function local(iso, seconds = true) {
  const moment = new Date(iso), today = new Date(now());
  const time = moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", ...(seconds ? { second: "2-digit" } : {}), hourCycle: "h23" });
  if (moment.toDateString() === today.toDateString()) return time;
  const day = { day: "numeric", month: "short", ...(moment.getFullYear() === today.getFullYear() ? {} : { year: "numeric" }) };
  return `${moment.toLocaleDateString([], day)}, ${time}`;
}

const known = iso => iso && !Number.isNaN(Date.parse(iso));
const time = (iso, text, properties) => h("time", { datetime: iso, title: iso, ...properties }, text);

export const at = iso => known(iso) ? time(iso, local(iso)) : h("span", { class: "dim" }, "–");

const FORMS = {
  age: iso => span((now() - Date.parse(iso)) / 1000),
  ago: iso => `${FORMS.age(iso)} ago`,
  until: iso => Date.parse(iso) <= now() ? "now" : `in ${span((Date.parse(iso) - now()) / 1000)}`,
};
const going = form => iso => known(iso) ? time(iso, FORMS[form](iso), { "data-form": form }) : h("span", { class: "dim" }, "–");
export const age = going("age"), ago = going("ago"), until = going("until");

// what says how long ago something was goes on
export function retime() {
  for (const node of document.querySelectorAll("time[data-form]")) {
    const text = FORMS[node.dataset.form](node.dateTime);
    if (node.textContent !== text) node.firstChild.data = text;
  }
}
