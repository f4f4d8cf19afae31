// A small Markdown reader. It builds elements and text nodes only, never HTML from a string,
// so whatever a bot writes stays text. Links are kept for http and https addresses.

function element(name, ...children) {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}

const INLINE = /(`+)([^`\n]|[^`\n][^\n]*?[^`\n])\1(?!`)|\*\*([^*\n]+)\*\*|\*([^*\s][^*\n]*)\*|!\[([^\]\n]*)\]\(([^\s)]+)\)|\[([^\]\n]+)\]\((https?:\/\/[^\s)]+)\)/g;

// Uploads are shown; pictures elsewhere stay addresses, because the page loads nothing from other hosts.
export function picture(name, address) {
  if (!address.startsWith("@")) return element("code", address);
  const image = element("img");
  image.src = `media/${encodeURIComponent(address)}`;
  image.alt = name;
  image.className = "picture";
  return image;
}

function inline(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    parts.push(text.slice(end, match.index));
    end = match.index + match[0].length;
    if (match[2] !== undefined) parts.push(element("code", match[2]));
    else if (match[3] !== undefined) parts.push(element("strong", match[3]));
    else if (match[4] !== undefined) parts.push(element("em", match[4]));
    else if (match[6] !== undefined) parts.push(picture(match[5], match[6]));
    else {
      const link = element("a", match[7]);
      link.href = match[8];
      link.rel = "noreferrer noopener";
      link.target = "_blank";
      parts.push(link);
    }
  }
  parts.push(text.slice(end));
  return parts.filter((part) => part !== "");
}

// As the platform draws prose: two blanks before a line break keep it, a bare one parts words and nothing else.
function lines(list) {
  const parts = [];
  list.forEach((line, index) => {
    if (index > 0) parts.push(list[index - 1].endsWith("  ") ? element("br") : " ");
    parts.push(...inline(line.trim()));
  });
  return parts;
}

const FENCE = /^\s*(```+|~~~+)\s*([\w+#.-]*)/;
const HEADING = /^(#{1,6})\s+(.*)$/;
const ITEM = /^(\s*)(?:[-*+]|(\d{1,9})[.)])\s+(.*)$/;
const QUOTE = /^\s*>\s?(.*)$/;
const RULE = /^\s*([-*_])(\s*\1){2,}\s*$/;

// Every reader takes lines from `rest` and returns one block, or nothing when the block is not of its kind.
function readFence(rest) {
  const open = FENCE.exec(rest[0]);
  if (!open) return null;
  rest.shift();
  const code = [];
  // A fence that is still being written runs to the end.
  while (rest.length > 0) {
    const line = rest.shift();
    if (line.trim() === open[1]) break;
    code.push(line);
  }
  const block = element("pre", element("code", code.join("\n")));
  if (open[2]) block.dataset.language = open[2];
  return block;
}

function readHeading(rest) {
  const match = HEADING.exec(rest[0]);
  if (!match) return null;
  rest.shift();
  const block = element("p", ...inline(match[2]));
  block.className = `heading heading-${match[1].length}`;
  return block;
}

function readRule(rest) {
  if (!RULE.test(rest[0])) return null;
  rest.shift();
  return element("hr");
}

function readWhile(rest, pattern) {
  const found = [];
  while (rest.length > 0 && pattern.test(rest[0])) found.push(pattern.exec(rest.shift())[1]);
  return found;
}

// Items of one indent are a list; deeper ones are a list within the item above them. A number is shown as it is written.
function readList(rest) {
  const first = ITEM.exec(rest[0]);
  if (!first) return null;
  const depth = first[1].length;
  const isNumbered = first[2] !== undefined;
  const list = element(isNumbered ? "ol" : "ul");
  while (rest.length > 0) {
    const item = ITEM.exec(rest[0]);
    if (!item && list.lastElementChild && /^\s+\S/.test(rest[0])) {
      list.lastElementChild.append(" ", ...inline(rest.shift().trim()));
      continue;
    }
    if (!item || item[1].length < depth) break;
    if (item[1].length > depth + 1) {
      list.lastElementChild.append(readList(rest));
      continue;
    }
    if ((item[2] !== undefined) !== isNumbered) break;
    rest.shift();
    const made = element("li", ...inline(item[3]));
    if (isNumbered) made.value = Number(item[2]);
    list.append(made);
  }
  return list;
}

function readQuote(rest) {
  const quoted = readWhile(rest, QUOTE);
  return quoted.length > 0 ? element("blockquote", blocksOf(quoted)) : null;
}

function readTable(rest) {
  if (rest.length < 2 || !rest[0].includes("|") || !/^\s*\|?[\s:|-]+\|[\s:|-]*$/.test(rest[1])) return null;
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
  const row = (line, name) => element("tr", ...cells(line).map((cell) => element(name, ...inline(cell))));
  const table = element("table", row(rest.shift(), "th"));
  rest.shift();
  while (rest.length > 0 && rest[0].includes("|")) table.append(row(rest.shift(), "td"));
  const frame = element("div", table);
  frame.className = "table";
  return frame;
}

function readParagraph(rest) {
  const taken = [rest.shift()];
  const special = [FENCE, HEADING, ITEM, QUOTE, RULE];
  while (rest.length > 0 && rest[0].trim() !== "" && !special.some((pattern) => pattern.test(rest[0]))) {
    taken.push(rest.shift());
  }
  return element("p", ...lines(taken));
}

function blocksOf(rest) {
  const blocks = document.createDocumentFragment();
  while (rest.length > 0) {
    if (rest[0].trim() === "") {
      rest.shift();
      continue;
    }
    blocks.append(
      readFence(rest) ?? readHeading(rest) ?? readRule(rest) ?? readTable(rest) ?? readList(rest) ?? readQuote(rest) ??
        readParagraph(rest),
    );
  }
  return blocks;
}

export function markdown(text) {
  return blocksOf(text.replaceAll("\r\n", "\n").split("\n"));
}

export function plain(text) {
  const block = element("p", text);
  block.className = "plain";
  return block;
}
