"use strict";
// What other readers of Discord's Markdown draw of texts: a line of JSON in, [text, title, drawn...] out for each.
// Arguments: the folder with discord-markdown-parser, the sandbox's markdown.js.
const [, , packages, sandbox] = process.argv;
const fs = require("fs"), path = require("path"), readline = require("readline"), vm = require("vm");
const { parse } = require(path.join(packages, "node_modules", "discord-markdown-parser"));

const PLAIN = new Set(["text", "escape", "newline", "br", "url", "autolink", "emoticon", "twemoji"]);

// its text, and the names of what is more than text
function read(nodes, marks) {
  return nodes.map(node => {
    if (!PLAIN.has(node.type)) marks.push(node.type);
    if (node.type === "br" || node.type === "newline") return "\n";
    if (node.type === "twemoji") return node.name;
    return Array.isArray(node.content) ? read(node.content, marks) : node.content ?? "";
  }).join("");
}

// the sandbox's page makes elements by el(); here they are their names and texts
const flat = children => children.flat(Infinity).filter(child => child !== null && child !== undefined).map(String);
const place = {
  marks: [],
  el(name, attributes, ...children) {
    place.marks.push(name);
    const parts = flat(children);
    return { localName: name, append: (...more) => parts.push(...flat(more)), toString: () => parts.join("") };
  },
  link(url, attributes, ...children) {
    const text = flat(children).join("");
    if (text !== url) place.marks.push("masked link");
    return text;
  },
  Ansi: { draw: text => [text] },
  relative: () => "ago",
};
vm.createContext(place);
vm.runInContext(fs.readFileSync(sandbox, "utf8") + "\nthis.Markdown = Markdown;", place);

function drawn(text) {
  const marks = [], tree = parse(text, "extended");
  const found = { parser: [read(tree, marks), marks] };
  for (const where of ["all", "title"]) {
    place.marks = [];
    found[`sandbox, ${where}`] = [flat(place.Markdown.draw(text, where)).join(""), place.marks];
  }
  return found;
}

readline.createInterface({ input: process.stdin })
  .on("line", line => process.stdout.write(JSON.stringify(drawn(JSON.parse(line))) + "\n"));
