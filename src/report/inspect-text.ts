import type { Inspection } from "../harness/inspect.js";
import type { Paint } from "./style.js";
import { count, escapeControls } from "./text.js";

/** What `pwh inspect` prints. */
export function inspectText(file: string, one: Inspection, paint: Paint): string {
  const out: string[] = [paint("bold", file)];
  const row = (name: string, value: string): void => void out.push(`  ${name.padEnd(13)} ${escapeControls(value)}`);
  const list = (name: string, values: readonly string[]): void => {
    if (values.length === 0) return row(name, "none");
    out.push(`  ${name.padEnd(13)} ${values.length}`);
    out.push(...wrap(values, 96).map((line) => `      ${escapeControls(line)}`));
  };
  row("size", count(one.size, "byte"));
  row("sha256", one.sha256);
  const { language, compiler, sdkHint } = one.toolchain;
  const made = compiler?.startsWith(language) === true ? [compiler] : [language, compiler];
  row("language", [...made, sdkHint].filter(Boolean).join(", "));
  const producers = Object.entries(one.producers).map(([field, entries]) => {
    return `${field} ${entries.map(({ name, version }) => `${name} ${version}`.trim()).join(", ")}`;
  });
  row("producers", producers.join("; ") || "no such section");
  row("ABI", one.abiVersion ?? "unknown");
  row("start", one.start.length === 0 ? "nothing" : one.start.join(", then "));
  row("allocator", one.allocator ?? "none");
  const { memory } = one;
  if (memory === undefined) row("memory", "none");
  else {
    const most = memory.maximumPages === undefined ? "no maximum" : `at most ${count(memory.maximumPages, "page")}`;
    const where = memory.imported ? ", imported" : memory.exportName === undefined ? ", not exported" : "";
    row("memory", `${count(memory.initialPages, "page")} of 64 KiB, ${most}${where}`);
  }
  row("code", `${count(one.functions, "function")}, ${count(one.dataBytes, "byte")} of data`);
  row(
    "sections",
    one.customSections.map(({ name, bytes }) => `${name} (${count(bytes, "byte")})`).join(", ") || "no custom ones",
  );
  row("features", one.features.map(({ name }) => name).join(", ") || "none named");
  list("callbacks", one.callbacks);
  list("hostcalls", one.hostcalls);
  list("WASI", one.wasi);
  if (one.otherImports.length > 0) list("other imports", one.otherImports);
  out.push("");
  for (const { advice } of one.unsupportedFeatures) out.push(`${paint("red", "cannot run here:")} it needs ${advice}`);
  for (const { message, line } of one.problems) {
    out.push(`${paint("red", "would not load:")} ${escapeControls(message)}`);
    if (line !== undefined) out.push(paint("dim", `  Envoy says: ${escapeControls(line)}`));
  }
  if (one.problems.length === 0 && one.unsupportedFeatures.length === 0)
    out.push(paint("green", "links: every import is provided"));
  return out.join("\n");
}

function wrap(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    if (line !== "" && line.length + word.length + 1 > width) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, line];
}
