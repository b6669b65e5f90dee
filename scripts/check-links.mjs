// Checks that the documents' relative links and their #anchors lead somewhere. Run by `npm run check:links`.
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const SKIPPED = new Set(["node_modules", "build", "dist", ".git"]);

/** All Markdown files below a folder. */
function documents(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return documents(path);
    return entry.name.endsWith(".md") ? [path] : [];
  });
}

/** The text without code, in which brackets are no links. */
function prose(text) {
  return text.replace(/^(```|~~~)[\s\S]*?^\1/gm, "").replace(/`[^`\n]*`/g, "");
}

/** The anchors that GitHub makes of headings. */
function anchors(path) {
  const seen = new Map();
  const headings = readFileSync(path, "utf8")
    .replace(/^(```|~~~)[\s\S]*?^\1/gm, "")
    .matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm);
  const found = new Set();
  for (const [, heading] of headings) {
    const slug = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-");
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    found.add(count === 0 ? slug : `${slug}-${count}`);
  }
  return found;
}

function problemWith(document, link) {
  const [target, anchor] = link.split("#", 2);
  const path = target === "" ? document : resolve(dirname(document), decodeURIComponent(target));
  if (!existsSync(path)) return "no such file";
  if (relative(root, path).startsWith("..")) return "leads out of the project";
  if (anchor && statSync(path).isFile() && path.endsWith(".md") && !anchors(path).has(anchor))
    return "no such heading";
  return undefined;
}

let problems = 0;
for (const document of documents(root)) {
  const links = prose(readFileSync(document, "utf8")).matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g);
  for (const [, link] of links) {
    if (/^[a-z][a-z+.-]*:/i.test(link)) continue;
    const problem = problemWith(document, link);
    if (problem === undefined) continue;
    console.error(`${relative(root, document)}: ${link}: ${problem}`);
    problems += 1;
  }
}
process.exit(problems === 0 ? 0 : 1);
