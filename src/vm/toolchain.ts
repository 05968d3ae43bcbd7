import type { ModuleInfo } from "./module-types.js";
import type { Producer, Producers } from "./producers.js";

export interface Toolchain {
  readonly language: string;
  /** Name and version, where one is stated. */
  readonly compiler?: string;
  /** The proxy-wasm SDK that the imports and exports look like. */
  readonly sdkHint?: string;
  /** From what the language was concluded, for a person: `producers: rustc 1.85.0`. */
  readonly basis: string;
}

/** What the module shows of its making. */
interface Evidence {
  readonly info: ModuleInfo;
  readonly languages: readonly Producer[];
  readonly tools: readonly Producer[];
  exports(name: string): boolean;
  imports(name: string): boolean;
}

type Guess = Pick<Toolchain, "language" | "basis"> & { readonly tool?: Producer };

/** First match wins. TinyGo and Rust come before C: their modules also name clang, for the C library in them. */
const guesses: readonly ((evidence: Evidence) => Guess | undefined)[] = [
  ({ tools }) => byTool("TinyGo", tools, /^tinygo$/i),
  ({ tools }) => {
    const clang = tools.find((one) => one.version.includes("tinygo-org"));
    return clang && { language: "TinyGo", basis: "producers: a clang built by tinygo-org", tool: clang };
  },
  ({ tools }) => byTool("Go", tools, /^go cmd\/compile$/i),
  ({ tools }) => byTool("Rust", tools, /^rustc$/i),
  ({ tools }) => byTool("Zig", tools, /^zig$/i),
  ({ tools }) => byTool("AssemblyScript", tools, /^(assemblyscript|asc)$/i),
  ({ languages }) => byLanguage(languages, /^(Go|TinyGo|Rust|Zig|AssemblyScript|Swift|Kotlin)$/i),
  byAssemblyScriptMarks,
  ({ languages, tools }) => {
    const found = byLanguage(languages, /^C_plus_plus/i, "C++") ?? byLanguage(languages, /^C\d*$/i, "C");
    const tool = tools.find((one) => /clang|emscripten/i.test(one.name));
    return found && { ...found, ...(tool && { tool }) };
  },
  ({ tools }) => byTool("C or C++", tools, /clang|emscripten/i),
  ({ imports, exports }) => {
    const mark = imports("emscripten_notify_memory_growth")
      ? "imports emscripten_notify_memory_growth"
      : exports("emscripten_stack_get_current") || exports("_emscripten_stack_restore")
        ? "exports Emscripten's stack functions"
        : undefined;
    return mark === undefined
      ? undefined
      : { language: "C or C++", basis: mark, tool: { name: "emscripten", version: "" } };
  },
];

/** Which language and compiler made the module, as far as it shows. A guess for people; decide nothing by it. */
export function describeToolchain(info: ModuleInfo, producers: Producers): Toolchain {
  const exported = new Set(info.exports.map((one) => one.name));
  const imported = new Set(info.imports.map((one) => one.name));
  const evidence: Evidence = {
    info,
    languages: Object.hasOwn(producers, "language") ? producers.language! : [],
    tools: Object.hasOwn(producers, "processed-by") ? producers["processed-by"]! : [],
    exports: (name) => exported.has(name),
    imports: (name) => imported.has(name),
  };
  for (const guess of guesses) {
    const found = guess(evidence);
    if (found === undefined) continue;
    const sdkHint = sdkOf(found.language, evidence);
    const compiler = found.tool && label(found.tool);
    return {
      language: found.language,
      basis: found.basis,
      ...(compiler !== undefined && { compiler }),
      ...(sdkHint !== undefined && { sdkHint }),
    };
  }
  return { language: "unknown", basis: "no producers section and no mark of a known toolchain" };
}

function byTool(language: string, tools: readonly Producer[], name: RegExp): Guess | undefined {
  const tool = tools.find((one) => name.test(one.name));
  return tool && { language, basis: `producers: ${label(tool)}`, tool };
}

function byLanguage(languages: readonly Producer[], name: RegExp, language?: string): Guess | undefined {
  const stated = languages.find((one) => name.test(one.name));
  return stated && { language: language ?? stated.name, basis: `producers: language ${label(stated)}` };
}

function byAssemblyScriptMarks({ exports, info }: Evidence): Guess | undefined {
  const language = "AssemblyScript";
  if (exports("__new") && exports("__pin"))
    return { language, basis: "exports AssemblyScript's runtime (__new, __pin)" };
  if (exports("proxy_on_grpc_trailing_metadata")) {
    return { language, basis: "exports proxy_on_grpc_trailing_metadata, a name that only AssemblyScript SDKs use" };
  }
  const abort = info.imports.find((one) => one.module === "env" && one.name === "abort");
  if (abort?.type?.params.length !== 4) return undefined;
  return { language, basis: "imports env.abort with message, file, line and column" };
}

/** [G] The marks of each SDK: `proxy-wasm-abi.md` §5. */
function sdkOf(language: string, { info, exports }: Evidence): string | undefined {
  if (!info.exports.some((one) => one.name.startsWith("proxy_abi_version_"))) return undefined;
  const hostcalls = info.imports.filter((one) => one.module === "env" && one.name.startsWith("proxy_")).length;
  if ((language === "Go" || language === "TinyGo") && exports("proxy_abi_version_0_2_0")) return "proxy-wasm Go SDK";
  if (language === "Rust" && hostcalls > 20) return "proxy-wasm Rust SDK"; // it imports nearly the whole table
  if (exports("proxy_on_grpc_trailing_metadata")) return "proxy-wasm AssemblyScript SDK";
  if (language.startsWith("C") && exports("proxy_on_request_metadata") && exports("malloc"))
    return "proxy-wasm C++ SDK";
  return undefined;
}

function label({ name, version }: Producer): string {
  return version === "" ? name : `${name} ${version}`;
}
