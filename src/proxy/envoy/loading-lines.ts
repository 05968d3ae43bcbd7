import { abiMarkers } from "../../abi/version.js";
import type { LinkProblem } from "../../host/linker.js";
import { tolerant, BinaryReader } from "../../vm/binary.js";

const notLoaded = "Wasm VM failed Failed to load Wasm code";
const notInitialised = "Wasm VM failed Failed to initialize Wasm code";
const corrupted = ["Wasm VM failed Failed to parse corrupted Wasm module", notLoaded];
const noAbi = ["Wasm VM failed Missing or unknown Proxy-Wasm ABI version", notLoaded];

/** What Envoy logs of a module whose code V8 refuses. [R] */
export const notCompiledLines: readonly string[] = ["Wasm VM failed Failed to load Wasm bytecode", notLoaded];

/**
 * What Envoy logs of a module that does not link; empty when it is not known. It stops at the first problem, but goes through all
 * exports before it does. [R]
 */
export function linkProblemLines(problems: readonly LinkProblem[]): readonly string[] {
  const [first] = problems;
  if (first?.line === undefined) return [];
  const { code, line } = first;
  if (code === "ABI_UNKNOWN" || code === "NOT_PROXY_WASM") return [`Wasm VM failed ${line}`, notLoaded];
  if (code !== "EXPORT_TYPE" && code !== "ALLOCATOR_MISSING") return [line, notInitialised];
  const said = problems.flatMap((one) => {
    if (one.code === "ALLOCATOR_MISSING") return [`Wasm VM failed ${one.line}`];
    return one.code === "EXPORT_TYPE" ? [one.line!] : [];
  });
  return [...said, notInitialised];
}

/**
 * What Envoy logs of bytes that are no module that can be read: it looks for the marker before it looks at anything else, also at the
 * magic number. [H] BytecodeUtil [R]
 */
export function unreadableLines(bytes: Uint8Array): readonly string[] {
  if (bytes.length <= 8) return noAbi;
  const marked = tolerant(() => findMarker(bytes), undefined);
  if (marked === undefined) return corrupted;
  if (!marked) return noAbi;
  return tolerant(() => walkSections(bytes), false) ? notCompiledLines : corrupted;
}

/** Undefined: it cannot be read that far. */
function findMarker(bytes: Uint8Array): boolean | undefined {
  const reader = new BinaryReader(bytes, 8);
  while (!reader.done) {
    const id = reader.u8("a section id");
    const section = reader.part(reader.leb("a size"), "a section");
    if (id !== 7) continue;
    for (let left = section.leb("a number of exports"); left > 0; left--) {
      const name = section.lenientName("an export");
      const kind = section.u8("a kind");
      section.leb("an index");
      if (kind === 0 && Object.hasOwn(abiMarkers, name)) return true;
    }
    return false;
  }
  return false;
}

function walkSections(bytes: Uint8Array): boolean {
  const reader = new BinaryReader(bytes, 8);
  while (!reader.done) {
    reader.u8("a section id");
    reader.part(reader.leb("a size"), "a section");
  }
  return true;
}

/** What follows when a plugin does not load, whatever the reason; `main` tells its last line as the reason it ends. [R] */
export const refusalLines = (name: string): readonly string[] => [
  `Plugin ${name} failed to load`,
  "Plugin configured to fail closed failed to load",
  `Unable to create Wasm plugin ${name}`,
];
