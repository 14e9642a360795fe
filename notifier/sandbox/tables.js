"use strict";
// The requests and the scripted faults as tables, and the counts. Needs dom.js.
const Tables = (() => {
  const LOGGED = 500;
  const empty = text => el("p", { class: "empty" }, text);
  const cell = (text, attributes) => el("td", attributes || {}, text === null || text === undefined ? "" : String(text));
  const moment = text => new Date(text).toLocaleTimeString([], { timeStyle: "medium" });

  function table(caption, names, rows) {
    return el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": caption },
      el("table", {}, el("caption", { class: "unseen" }, caption),
        el("thead", {}, el("tr", {}, ...names.map(name => el("th", { scope: "col" }, name)))), el("tbody", {}, ...rows)));
  }

  function requests(all) {
    const rows = all.slice(-LOGGED).reverse().map(one => el("tr", {}, cell(moment(one.at)), cell(one.method),
      cell(one.status || "no answer", { class: "s" + String(one.status || 0)[0] }), cell(one.path, { class: "path" }),
      cell(one.code), cell(one.scope), cell(one.embeds), cell(one.bytes), cell(Math.round(1000 * one.seconds) + " ms"), cell(one.fault), cell(one.user_agent)));
    const names = ["time", "method", "status", "path", "code", "scope", "embeds", "bytes", "took", "fault", "user agent"];
    $("requests").replaceChildren(rows.length ? table("Requests, the newest first", names, rows) : empty("No request yet."));
  }

  function faults(all) {
    const names = ["id", "kind", "status", "when", "seconds", "times", "probability", "webhook_id", "match", "fired"];
    const rows = all.map(fault => el("tr", {}, ...names.map(name => cell(fault[name]))));
    $("scripted").replaceChildren(rows.length ? table("Scripted faults", names, rows) : empty("No faults: this Discord is well."));
  }

  function counts(stats) {
    const all = [["requests", stats.requests], ["messages", stats.messages], ["429s", stats.rate_limited, true], ["invalid", stats.invalid, true],
      ["after 404", stats.after_404, true], ["faults fired", stats.faults_fired, true]];
    if (stats.ban_seconds) all.push(["banned for s", Math.ceil(stats.ban_seconds), true]);
    $("counts").replaceChildren(...all.map(([name, count, bad]) => el("li", { class: bad && count ? "count bad" : "count" }, name + " ", el("b", {}, String(count)))));
  }
  return { requests, faults, counts };
})();
