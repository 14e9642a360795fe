// A table that is read row by row on a narrow window. It keeps its roles there, for those who hear it.
import { h } from "./nodes.js";

// columns: { name, cell(row), class, nothing(row) }; nothing: there is nothing to be seen, so that it takes no line of its own
export function grid(caption, columns, rows, { key, tone } = {}) {
  const head = h("tr", { role: "row" }, columns.map(each => h("th", { role: "columnheader", scope: "col", class: each.class }, each.name || h("span", { class: "unseen" }, each.label))));
  const first = Math.max(0, columns.findIndex(each => /^what\b/.test(each.class)));  // what the row is about
  const body = rows.map(row => h("tr", { role: "row", key: key ? key(row) : undefined, class: tone ? tone(row) : null }, columns.map((each, index) =>
    h(index === first ? "th" : "td", { role: index === first ? "rowheader" : "cell", scope: index === first ? "row" : null, class: each.class, "data-label": index !== first && typeof each.name === "string" && each.name ? each.name : null, "data-nothing": each.nothing && each.nothing(row) ? "" : null }, h("div", { class: "cell" }, each.cell(row))))));
  return h("div", { class: "wide" }, h("table", { class: "grid", role: "table", "aria-label": caption },
    h("thead", { role: "rowgroup" }, head), h("tbody", { role: "rowgroup" }, body)));
}

export const pill = (text, tone = "") => h("span", { class: `pill ${tone}` }, text);
export const empty = (text, ...more) => h("div", { class: "empty" }, h("p", {}, text), more.length ? h("p", {}, more) : null);
export const choice = (name, label, values, chosen, any = "any") => h("label", {}, label,
  h("select", { name, key: `${name}` }, h("option", { value: "", selected: !chosen }, any), values.map(each => {
    const [value, text] = Array.isArray(each) ? each : [each, each.replace(/_/g, " ")];
    return h("option", { value, selected: value === chosen }, text);
  })));
