// The last day in small plots. Each can be read with the pointer, with the arrow keys, and as a table.
import { count, fill, h, svg } from "./nodes.js";
import { local, now, precisely, span } from "./times.js";
import { TYPES } from "./words.js";

const HEIGHT = 150, LEFT = 54, RIGHT = 8, TOP = 10, BOTTOM = 22, GAP = 16, PADDING = 34;
const oneColumn = matchMedia("(max-width: 1060px)"), narrow = matchMedia("(max-width: 760px)");
const chosen = {};  // by plot: which part of the day the reader looks at

const width = () => {
  const room = document.getElementById("main").clientWidth - (narrow.matches ? 24 : 56), columns = oneColumn.matches ? 1 : 2;
  return Math.max(240, Math.floor((Math.min(room, 1400) - (columns - 1) * GAP) / columns - PADDING));
};

export function ticks(most, whole) {
  const rough = Math.max(most, whole ? 1 : 0.001) / 3, size = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max([1, 2, 5, 10].find(each => each * size >= rough) * size, whole ? 1 : 0);
  const top = Math.max(1, Math.ceil(most / step - 1e-9));
  return Array.from({ length: top + 1 }, (_, index) => index * step);
}

function axes(plot, scale) {
  const lines = scale.ticks.flatMap(value => [svg("line", { class: "rule", x1: LEFT, x2: scale.right, y1: scale.y(value), y2: scale.y(value) }),
    svg("text", { class: "tick-text", x: LEFT - 8, y: scale.y(value) + 4, "text-anchor": "end" }, plot.form(value))]);
  plot.times.forEach((iso, index) => {
    const moment = new Date(iso);
    if (moment.getHours() % 6 || moment.getMinutes()) return;
    lines.push(svg("line", { class: "rule", x1: scale.x(index), x2: scale.x(index), y1: scale.bottom, y2: scale.bottom + 4 }),
      svg("text", { class: "tick-text", x: scale.x(index), y: scale.bottom + 17, "text-anchor": scale.x(index) > scale.right - 18 ? "end" : "middle" }, `${String(moment.getHours()).padStart(2, "0")}:00`));
  });
  return lines;
}

function marks({ series, lines }, scale) {
  if (!lines) return series.flatMap(({ tone, values }) => values.map((value, index) => svg("rect", {
    class: `mark ${tone}`, x: scale.x(index) + scale.step / 8, y: scale.y(value || 0), width: scale.step * 0.75, height: scale.bottom - scale.y(value || 0), rx: 1 })));
  return series.flatMap(({ tone, values }) => {
    const path = values.map((value, index) => value === null ? "" : `${index && values[index - 1] !== null ? "L" : "M"}${scale.middle(index)} ${scale.y(value)}`).join("");
    return [svg("path", { class: `trace ${tone}`, d: path || "M0 0" }),
      values.map((value, index) => value === null ? null : svg("circle", { class: `mark ${tone}`, cx: scale.middle(index), cy: scale.y(value), r: 2.5 }))];
  });
}

const between = (plot, index) => `${local(plot.times[index], false)} – ${local(new Date(Date.parse(plot.times[index]) + plot.seconds * 1000).toISOString(), false).replace(/^.*, /, "")}`;
const said = (plot, index) => `${between(plot, index)}: ${plot.series.map(({ name, values }) => `${plot.lines ? `${name} ` : ""}${values[index] === null ? "none" : plot.form(values[index], true)}`).join(", ")}`;

function figure(plot) {
  const wide = width(), known = plot.series.flatMap(({ values }) => values).filter(value => value !== null);
  const total = plot.lines ? null : known.reduce((sum, value) => sum + value, 0), at = chosen[plot.name];
  const scale = { ticks: ticks(Math.max(0, ...known), !plot.lines), right: wide - RIGHT, bottom: HEIGHT - BOTTOM, step: (wide - LEFT - RIGHT) / plot.times.length };
  const top = scale.ticks[scale.ticks.length - 1];
  Object.assign(scale, { x: index => LEFT + index * scale.step, middle: index => LEFT + (index + 0.5) * scale.step, y: value => scale.bottom - (scale.bottom - TOP) * value / top });
  const isEmpty = !known.some(Boolean);
  const summary = isEmpty ? plot.without : plot.lines ? `the day: ${plot.day.map(([name, value]) => `${name} ${value === null ? "–" : plot.form(value, true)}`).join(", ")}` : `${total.toLocaleString()} in all`;
  const look = index => { chosen[plot.name] = index; fill(document.querySelector(`figure[data-key="${plot.name}"]`), ...figure(plot)); };
  const move = event => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -plot.times.length, End: plot.times.length }[event.key];
    if (!step) return;
    event.preventDefault();
    look(Math.max(0, Math.min(plot.times.length - 1, (at ?? plot.times.length) + step)));
  };
  return [
    h("figcaption", {}, h("b", {}, plot.name), plot.lines ? plot.series.map(({ name, tone }) => h("span", { class: `legend ${tone}` }, name)) : null,
      h("output", { class: at === undefined ? "dim" : "" }, at === undefined ? summary : said(plot, at))),
    svg("svg", {
      class: "plot", viewBox: `0 0 ${wide} ${HEIGHT}`, width: wide, height: HEIGHT, role: "img", tabindex: "0", "aria-label": `${plot.name} in the last day: ${at === undefined ? summary : said(plot, at)}. Arrow keys read it.`,
      pointermove: event => {
        const index = Math.floor((event.clientX - event.currentTarget.getBoundingClientRect().left - LEFT) / scale.step);
        if (index !== chosen[plot.name] && index >= 0 && index < plot.times.length) look(index);
      },
      pointerleave: () => look(undefined), blur: () => look(undefined), keydown: move,
    }, axes(plot, scale), at === undefined ? null : svg("rect", { class: "looked-at", x: scale.x(at), y: TOP, width: scale.step, height: scale.bottom - TOP }), marks(plot, scale),
    isEmpty ? svg("text", { class: "tick-text", x: (wide + LEFT) / 2, y: HEIGHT / 2, "text-anchor": "middle" }, plot.without) : null),
  ];
}

// of one type, or of all: counts are added; of latencies the longest is shown
function column(buckets, name, type, join) {
  return buckets.map(({ types }) => {
    const found = (type ? [types[type] || {}] : Object.values(types)).map(each => each[name]).filter(value => value !== null && value !== undefined);
    return found.length ? found.reduce(join) : null;
  });
}
const sum = (one, other) => one + other, longest = (one, other) => Math.max(one, other);

export function plots({ buckets, bucket_seconds: seconds, latency }, type) {
  const times = buckets.map(each => each.at), number = value => value.toLocaleString();
  const counted = (name, key, tone, without) => ({ name, times, seconds, form: number, without, series: [{ name, tone, values: column(buckets, key, type, sum) }] });
  const all = [
    counted("Delivered", "delivered", "good", "none was delivered"),
    counted("Failed", "failed", "bad", "none failed"),
    counted("Deferred", "deferred", "warn", "none had to wait"),
    { name: "How long it took", times, seconds, lines: true, without: "none was delivered", day: ["p50", "p99"].map(name => [name, column([{ types: latency }], name, type, longest)[0]]), form: (value, whole) => whole ? precisely(value) : value === 0 ? "0" : value < 1 ? `${Math.round(value * 1000)} ms` : `${Math.round(value * 10) / 10} s`,
      series: [{ name: "p50", tone: "accent", values: column(buckets, "p50", type, longest) }, { name: "p99", tone: "violet", values: column(buckets, "p99", type, longest) }] },
  ];
  return h("section", { "aria-labelledby": "day", class: "day" },
    h("div", { class: "line" }, h("h2", { id: "day" }, "The last day"), h("label", {}, "of ", h("select", { key: "plotted", change: event => { location.hash = `#/overview${event.target.value ? `?type=${event.target.value}` : ""}`; } },
      h("option", { value: "", selected: !type }, "all types"), TYPES.map(each => h("option", { value: each, selected: each === type }, each))))),
    h("div", { class: "plots" }, all.map(plot => h("figure", { key: plot.name }, figure(plot)))), table(all, times, seconds));
}

function table(all, times, seconds) {
  const series = all.flatMap(plot => plot.series.map(each => ({ ...each, form: plot.form })));
  const rows = times.map((iso, index) => [iso, index]).filter(([, index]) => series.some(({ values }) => values[index])).reverse();
  return h("details", {}, h("summary", {}, "The same as a table"),
    rows.length ? h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "The last day as a table" }, h("table", {}, h("caption", { class: "dim" }, `${count(rows.length, "part")} of ${span(seconds)} in which something happened, the newest first; ${new Date(now()).toDateString()}`),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "from"), series.map(({ name }) => h("th", { scope: "col", class: "num" }, name)))),
      h("tbody", {}, rows.map(([iso, index]) => h("tr", {}, h("th", { scope: "row" }, local(iso, false)), series.map(({ values, form }) => h("td", { class: "num" }, values[index] === null ? "–" : form(values[index], true)))))))) : h("p", { class: "dim" }, "Nothing happened in the last day."));
}
