// Writes docs/hostcalls.md from the descriptions of the host's functions, their doc comments and the tests that name them.
// Needs dist/: `npm run build` first. A test fails when the page is stale.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * @typedef {{ wasm: readonly string[], parts: readonly string[], doc: string, decode?: string, encode?: string, check?: string, show: (value: never) => string }} Parameter
 * @typedef {{ name: string, params: Readonly<Record<string, Parameter>>, result: string, phases: { start?: boolean, allocator?: boolean }, body: (...args: never[]) => unknown }} Func
 * @typedef {{ name: string, params: readonly string[], paramsIn010?: readonly string[], result: string, absent: number, doc: string }} Callback
 * @typedef {object} Descriptions What the page is made from: exports of dist/, or of src/ where a test runs.
 * @property {Readonly<Record<string, Readonly<Record<string, Func>>>>} hostcallChapters
 * @property {readonly Callback[]} callbackDescriptors
 * @property {ReadonlyMap<string, Func>} builtins
 * @property {ReadonlyMap<string, Func>} wasiFunctions
 * @property {Readonly<Record<string, { version: string, foreignFunctionCallback: boolean }>>} abiTraits
 * @property {(name: string, abi: never) => boolean} hostcallBelongsTo
 */

const root = fileURLToPath(new URL("..", import.meta.url));
export const pagePath = `${root}docs/hostcalls.md`;

/** @param {string} folder @param {string} ending @returns {{ path: string, text: string }[]} Files below a folder, in order. */
function files(folder, ending) {
  return readdirSync(root + folder, { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(ending))
    .sort()
    .map((file) => ({ path: `${folder}/${file}`, text: readFileSync(`${root}${folder}/${file}`, "utf8") }));
}

const sources = [
  ...files("src/host/hostcalls", ".ts"),
  ...files("src/wasi", ".ts"),
  ...files("src/host", "builtins.ts"),
];
const tests = [...files("test/host", ".test.ts"), ...files("test/wasi", ".test.ts")];
/** Tests that go over all functions: they prove something of each, and nothing that is its own. */
const general = /\/(pointers|phases|linking|relay|callbacks|table)\.test\.ts$/;

/** @param {string} name @returns {string[]} The paragraphs of the doc comment over the export that has this name. */
function comment(name) {
  const text = sources.find((one) => one.text.includes(`"${name}"`))?.text ?? "";
  const before = text.slice(0, text.lastIndexOf("\nexport const ", text.indexOf(`"${name}"`)) + 1).trimEnd();
  if (!before.endsWith("*/")) return [];
  const lines = before.slice(before.lastIndexOf("/**") + 3, -2).replace(/^\s*\* ?/gm, "");
  return lines
    .trim()
    .split(/\n\s*\n/)
    .map((paragraph) =>
      // [H] and [E] are sources: as a subject they are Envoy, elsewhere they are for readers of the code
      paragraph
        .replace(/\s+/g, " ")
        .replace(/(^|[.:] )\[[EH]\] (?=[a-z]+ )/g, "$1Envoy ")
        .replace(/ ?(\[[EH]\] \w*[a-z.][A-Z_]\w*|\[[SEHGR]\]|v0\.2\.1 #\S+|#\w+)/g, "")
        .trim(),
    );
}

/** @param {string} name */
const sentence = (name) => /^.*?\.(?= |$)/.exec(comment(name)[0] ?? "")?.[0] ?? comment(name)[0] ?? "";

/** @param {Func} a @param {Func} b The order in which they are written: exports of a module come in that of the alphabet. */
function bySource(a, b) {
  const text = sources.find((one) => one.text.includes(`"${a.name}"`))?.text ?? "";
  return text.indexOf(`"${a.name}"`) - text.indexOf(`"${b.name}"`);
}

/** @param {string} name @returns {string[]} Tests that name a function: that of its own file first, then by how much they say of it. */
export function testsOf(name) {
  const word = new RegExp(`\\b${name}\\b`, "g");
  const source = sources.find(({ text }) => text.includes(`"${name}"`))?.path ?? "";
  const twin = source.replace(/^src/, "test").replace(/\.ts$/, ".test.ts");
  return tests
    .map(({ path, text }) => ({ path, count: text.match(word)?.length ?? 0 }))
    .filter(({ path, count }) => count > 0 && !general.test(path))
    .sort(
      (a, b) => Number(b.path === twin) - Number(a.path === twin) || b.count - a.count || (a.path < b.path ? -1 : 1),
    )
    .map(({ path }) => path);
}

/** @param {string} path A link to a test. */
const link = (path) => `[${path.replace(/^test\//, "")}](../${path})`;
/** @param {string} text */
const cell = (text) => text.replaceAll("|", "\\|");
/** @param {readonly (readonly string[])[]} rows The first one is the head. */
const table = ([head = [], ...rows]) =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n");

/** @param {Func} f */
const signature = (f) =>
  `(${Object.values(f.params)
    .flatMap(({ wasm }) => wasm)
    .join(", ")}) -> ${f.result === "none" ? "()" : "i32"}`;

/** @param {Parameter} parameter @returns {string} `map: 0 request headers, 1 request trailers …` */
function meaning({ doc, check, show }) {
  if (check === undefined) return doc;
  const names = [];
  for (let i = 0; show(/** @type {never} */ (i)) !== String(i); i++)
    names.push(`${i} ${show(/** @type {never} */ (i))}`);
  return names.length === 0 ? doc : `${doc}: ${names.join(", ")}`;
}

/** @param {Func} f */
const parameters = (f) =>
  table([
    ["Parameter", "Is", "Passed as", "Meaning"],
    ...Object.entries(f.params).map(([name, parameter]) => [
      `\`${name}\``,
      parameter.decode === undefined ? "result" : "argument",
      parameter.parts.join("; ") + (parameter.wasm.includes("i64") ? " (i64)" : ""),
      meaning(parameter),
    ]),
  ]);

/** @param {Func["phases"]} phases */
const when = ({ start, allocator }) =>
  ["callbacks", ...(start ? ["start"] : []), ...(allocator ? ["allocator"] : [])].join(", ");

/** Errno values that functions answer at all times. */
const errnos = new Map([
  [0, "success"],
  [8, "EBADF"],
  [44, "ENOENT"],
  [52, "ENOSYS"],
  [58, "ENOTSUP"],
]);

/** @param {Func} f @returns {string} What a WASI function does. */
function wasiMeaning(f) {
  const said = sentence(f.name);
  if (said !== "" || f.body.length > 0) return said;
  const errno = Number(f.body());
  return errno === 0 ? "Does nothing, and answers success." : `Answers ${errno} (${errnos.get(errno) ?? "?"}).`;
}

/**
 * The page, and the names of functions and callbacks that no test names.
 *
 * @param {Descriptions} all
 */
export function hostcallPage(all) {
  /** @type {string[]} */
  const untested = [];
  const traits = Object.values(all.abiTraits);
  /** @param {string} name @param {string} [otherwise] */
  const proof = (name, otherwise) => {
    const [first] = testsOf(name);
    if (first === undefined && otherwise === undefined) untested.push(name);
    return first === undefined ? (otherwise ? link(otherwise) : "none") : link(first);
  };

  const chapters = Object.entries(all.hostcallChapters).map(([chapter, functions]) => {
    const entries = Object.values(functions)
      .sort(bySource)
      .map((f) => {
        const versions = traits.filter((abi) => all.hostcallBelongsTo(f.name, /** @type {never} */ (abi)));
        const facts = [
          `ABI ${versions.map(({ version }) => version).join(", ")}`,
          `callable in ${when(f.phases)}`,
          `proved by ${proof(f.name)}`,
        ];
        const lines = [`### ${f.name}`, ...comment(f.name), `\`${signature(f)}\``, `${facts.join(" · ")}`];
        if (Object.keys(f.params).length > 0) lines.push(parameters(f));
        return lines.join("\n\n");
      });
    return [`## ${chapter}`, ...entries].join("\n\n");
  });

  const callbacks = table([
    ["Callback", "Parameters (all i32)", "Answers", "Not exported", "What it is", "Proved by"],
    ...all.callbackDescriptors.map((one) => [
      `\`${one.name}\`${one.name === "proxy_on_foreign_function" ? " (not 0.1.0)" : ""}`,
      one.params.join(", ") + (one.paramsIn010 ? `; 0.1.0: ${one.paramsIn010.join(", ")}` : ""),
      one.result === "none" ? "nothing" : one.result === "bool" ? "0 or not" : "how to go on",
      one.result === "none" ? "not called" : one.result === "bool" ? `counts as ${one.absent}` : "counts as Continue",
      one.doc,
      proof(one.name, "test/host/callbacks.test.ts"),
    ]),
  ]);

  const others = table([
    ["Function", "Type", "What it does", "Callable in", "Proved by"],
    ...[...all.builtins.values()].map((f) => [
      `\`${f.name}\``,
      `\`${signature(f)}\``,
      sentence(f.name),
      when(f.phases),
      proof(f.name, "test/host/linking.test.ts"),
    ]),
  ]);

  const wasi = table([
    ["Function", "Parameters", "What it does", "Callable in", "Proved by"],
    ...[...all.wasiFunctions.values()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((f) => [
        `\`${f.name}\``,
        Object.entries(f.params)
          .map(
            ([name, { wasm, decode }]) =>
              `${decode === undefined ? "→" : ""}${name}${wasm[0] === "i64" ? ": i64" : ""}`,
          )
          .join(", ") || "none",
        wasiMeaning(f),
        when(f.phases),
        proof(f.name, "test/wasi/table.test.ts"),
      ]),
  ]);

  const page = `# Hostcalls and callbacks

<!-- Written by \`node tools/hostcall-docs.mjs\` from the descriptions in src/; do not edit. -->

Every function between a proxy-wasm plugin and this host, of ABI 0.1.0, 0.2.0 and 0.2.1, as Envoy 1.40 provides it. The
import functions, the link check, the lines of \`--trace\`, the relay guest of the tests and this page come from the same
descriptions.

- A parameter that is passed as "pointer; size" is two i32s. Sizes and addresses are unsigned; a range that leaves the
  memory is INVALID_MEMORY_ACCESS (6), also when it is empty. A null pointer is an address like any other.
- A result is written through pointers after the call did its work. Bytes are put into memory of the plugin's allocator;
  nothing is pointer 0 and size 0, and the allocator is not asked.
- "Callable in start" is while \`_start\`, \`_initialize\` or a start section runs, "in allocator" while the host has the plugin
  allocate memory. Elsewhere a function that is not callable traps with \`restricted_callback\`, and the VM is lost.
- A function that belongs to another version than the module's does not link. One that a capability list leaves out answers
  INTERNAL_FAILURE (10), or errno 76, and looks at nothing.
- Besides the test that is named with each function, all of them are in
  [pointers.test.ts](../test/host/hostcalls/pointers.test.ts) (addresses and sizes at, over and far over the end),
  [phases.test.ts](../test/host/phases.test.ts) (what may be called when) and
  [linking.test.ts](../test/host/linking.test.ts) (versions, types, capabilities). All tests go through real wasm.

Statuses: 0 OK · 1 NOT_FOUND · 2 BAD_ARGUMENT · 3 SERIALIZATION_FAILURE · 4 PARSE_FAILURE · 6 INVALID_MEMORY_ACCESS ·
7 EMPTY · 8 CAS_MISMATCH · 10 INTERNAL_FAILURE · 12 UNIMPLEMENTED.

${Object.keys(all.hostcallChapters)
  .map((chapter) => `[${chapter}](#${chapter.toLowerCase().replaceAll(" ", "-")})`)
  .join(" · ")} · [Callbacks](#callbacks) · [Other imports](#other-imports) · [WASI](#wasi)

${chapters.join("\n\n")}

## Callbacks

Functions that the plugin may export; those it must are an allocator (\`malloc\` or \`proxy_on_memory_allocate\`) and the
marker of its version. Each is also in [callbacks.test.ts](../test/host/callbacks.test.ts), once for each version.

${callbacks}

## Other imports

Functions of module \`env\` that toolchains use. They cannot be restricted.

${others}

## WASI

Under both module names, \`wasi_snapshot_preview1\` and \`wasi_unstable\`. Each is also in
[table.test.ts](../test/wasi/table.test.ts). An address outside the memory answers 21 (EFAULT); → is a result.

${wasi}
`;
  return { page, untested };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  /** @param {string} path */
  const built = (path) => import(new URL(`../dist/${path}`, import.meta.url).href);
  const modules = [
    "host/hostcalls/index.js",
    "host/callbacks.js",
    "host/builtins.js",
    "wasi/index.js",
    "abi/version.js",
  ];
  const all = Object.assign({}, ...(await Promise.all(modules.map(built))));
  const { page, untested } = hostcallPage(all);
  if (untested.length > 0) {
    console.error(`No test names ${untested.join(", ")}`);
    process.exitCode = 1;
  }
  writeFileSync(pagePath, page);
}
