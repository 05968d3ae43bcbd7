import type { HarnessErrorCode } from "../errors.js";
import { HarnessError, messageOf } from "../errors.js";
import { linkProblems } from "../host/linker.js";
import { featureSupport } from "../proxy/envoy/engine-features.js";
import { linkProblemLines, notCompiledLines, refusalLines, unreadableLines } from "../proxy/envoy/loading-lines.js";
import { notRecorded } from "../proxy/envoy/profiles.js";
import type { FeatureUse } from "../vm/features.js";
import { moduleFeatures } from "../vm/features.js";
import type { LoadedModule } from "../vm/loaded-module.js";
import { loadModule } from "../vm/loaded-module.js";
import type { ModuleInfo } from "../vm/module-info.js";
import { readModule } from "../vm/module-info.js";
import type { Delivery } from "./preflight-delivery.js";
import { compileCost, deliveriesOf } from "./preflight-delivery.js";
import { loadOnce } from "./preflight-load.js";
import type { Target } from "./preflight-targets.js";
import { newestTarget, targetsOf } from "./preflight-targets.js";
import { createHash } from "node:crypto";
import type { ModuleSource } from "./source.js";
import { nameOfSource, readNamedFile } from "./source.js";

export interface PreflightOptions {
  /** `istio=1.11`, `istio=1.2x`, `envoy=1.40`. Default: the newest recorded Envoy. */
  readonly targets?: readonly string[];
  /** As for `loadPlugin`. Without a configuration its refusal is a warning. */
  readonly configuration?: string | Uint8Array | object;
  readonly vmConfiguration?: string | Uint8Array | object;
  readonly name?: string;
  readonly rootId?: string;
  readonly vmId?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Milliseconds that one entry into the guest may take. Default 10,000. */
  readonly budgetMs?: number;
}

/** What would happen to a module in some releases. */
export interface Preflight {
  readonly size: number;
  readonly sha256: string;
  readonly targets: readonly TargetReport[];
  readonly deliveries: readonly Delivery[];
  /** Seconds of CPU that its compilation costs when it is loaded, on a whole core and on a tenth of one. */
  readonly compileSeconds: { readonly core: number; readonly tenthOfCore: number };
}

export interface TargetReport {
  readonly target: string;
  /** The release of Envoy that it is, or has. */
  readonly envoy: string;
  /** False: what is told of it comes from sources and notes. */
  readonly recorded: boolean;
  /** `unknown`: it depends on what could not be tried. */
  readonly loads: "yes" | "no" | "unknown";
  readonly findings: readonly Finding[];
  /** What Envoy says when it does not load it, in order; empty when it loads, or when the words are not known. */
  readonly lines: readonly string[];
}

export interface Finding {
  readonly level: "error" | "warning" | "note";
  readonly code: HarnessErrorCode | "FEATURE_UNTRIED" | "ROOT_ID" | "FOREIGN_FUNCTION" | "NOT_RECORDED" | "GUEST_LOG";
  readonly message: string;
}

/**
 * Tells whether a module would load and start in some releases of Envoy and Istio, and what they would say.
 *
 * It is read, linked and compiled, and started once for each target, as that release would.
 *
 * @throws {HarnessError} FILE_UNREADABLE; OPTION_INVALID for a target that there is none of. What is wrong with the module is a finding.
 */
export async function preflight(source: ModuleSource, options: PreflightOptions = {}): Promise<Preflight> {
  const targets = options.targets?.length ? options.targets.flatMap((name) => targetsOf(name)) : [newestTarget()];
  const bytes = source instanceof Uint8Array ? source : await readNamedFile(source);
  const name = options.name ?? nameOfSource(source);
  const subject = await read(bytes, { ...options, name });
  const reports: TargetReport[] = [];
  for (const target of targets) reports.push(await reportOf(subject, target));
  const info = "info" in subject.module ? subject.module.info : undefined;
  return {
    size: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    targets: reports,
    deliveries: deliveriesOf(bytes.length),
    compileSeconds: compileCost(info?.codeSection),
  };
}

/** A module as far as it could be read. */
interface Subject {
  readonly bytes: Uint8Array;
  readonly options: PreflightOptions & { readonly name: string };
  readonly module:
    | { readonly unreadable: HarnessError }
    | {
        readonly info: ModuleInfo;
        readonly features: readonly FeatureUse[];
        readonly compiled: LoadedModule | HarnessError;
      };
}

async function read(bytes: Uint8Array, options: Subject["options"]): Promise<Subject> {
  let info: ModuleInfo;
  try {
    info = readModule(bytes);
  } catch (thrown) {
    if (!(thrown instanceof HarnessError)) throw thrown;
    return { bytes, options, module: { unreadable: thrown } };
  }
  const compiled = await loadModule(bytes).catch((thrown: unknown) => {
    if (thrown instanceof HarnessError) return thrown;
    throw thrown;
  });
  return { bytes, options, module: { info, features: moduleFeatures(info, bytes), compiled } };
}

/** What one step of loading came to. The first that says `no` is where Envoy stops. */
export interface Step {
  readonly loads: TargetReport["loads"];
  readonly findings: readonly Finding[];
  readonly lines: readonly string[];
}

async function reportOf(subject: Subject, target: Target): Promise<TargetReport> {
  const { profile } = target;
  const steps: Step[] = [];
  const { module } = subject;
  if ("unreadable" in module) {
    const { code, message } = module.unreadable;
    steps.push(refusal([{ level: "error", code, message }], unreadableLines(subject.bytes)));
  } else {
    steps.push(marked(module.info, target), compiled(module, target), linked(module.info, target));
    if (steps.every(({ loads }) => loads === "yes") && !(module.compiled instanceof HarnessError) && module.info.memory)
      steps.push(await loadOnce(module.compiled, target, subject.options));
    steps.push(hints(subject.bytes, target));
  }
  const stopped = steps.find(({ loads }) => loads === "no");
  const untold = notRecorded(profile);
  const findings = steps.flatMap((one) => one.findings);
  if (untold !== undefined) findings.push({ level: "note", code: "NOT_RECORDED", message: untold });
  return {
    target: target.name,
    envoy: profile.release,
    recorded: profile.recorded,
    loads: stopped !== undefined ? "no" : steps.some(({ loads }) => loads === "unknown") ? "unknown" : "yes",
    findings,
    lines:
      stopped === undefined || stopped.lines.length === 0
        ? []
        : [...stopped.lines, ...refusalLines(subject.options.name)],
  };
}

const fine: Step = { loads: "yes", findings: [], lines: [] };
const refusal = (findings: readonly Finding[], lines: readonly string[]): Step => ({ loads: "no", findings, lines });

/** Envoy looks for the marker before it compiles anything. */
function marked(info: ModuleInfo, { profile }: Target): Step {
  const [first] = linkProblems(info, profile.host);
  if (first?.code !== "ABI_UNKNOWN" && first?.code !== "NOT_PROXY_WASM") return fine;
  return refusal([{ level: "error", code: first.code, message: first.message }], linkProblemLines([first]));
}

/** Whether the engine of the release takes the code. */
function compiled(
  { features, compiled: result }: Extract<Subject["module"], { info: ModuleInfo }>,
  target: Target,
): Step {
  const { release } = target.profile;
  const findings: Finding[] = [];
  let loads: Step["loads"] = "yes";
  for (const { name, how } of features) {
    const support = featureSupport(name, target.profile);
    if (support === "has") continue;
    const needed = how === "needed";
    if (support === "lacks") {
      const message = needed
        ? `It needs ${name}, which the V8 of Envoy ${release} does not have; build without it`
        : `It was built with ${name} allowed, which the V8 of Envoy ${release} does not have: where its code uses that, it is refused; build without it`;
      findings.push({ level: needed ? "error" : "warning", code: "WASM_FEATURE", message });
      loads = needed ? "no" : loads === "no" ? "no" : "unknown";
    } else if (needed || result instanceof HarnessError) {
      const message = `It needs ${name}, and whether the V8 of Envoy ${release} has that could not be tried`;
      findings.push({ level: "warning", code: "FEATURE_UNTRIED", message });
      if (loads === "yes") loads = "unknown";
    }
  }
  if (result instanceof HarnessError && loads !== "no") {
    // the engine here is older than Envoy's: what it does not know is no fault of the module
    const isYounger =
      result.code === "WASM_FEATURE" || /opcode|experimental|invalid value type/i.test(messageOf(result));
    if (!isYounger)
      return refusal([...findings, { level: "error", code: result.code, message: result.message }], notCompiledLines);
    const message = `Whether its code is valid could not be tried, since this Node (V8 ${process.versions.v8}) is older than Envoy: ${result.message}`;
    findings.push({ level: "warning", code: "FEATURE_UNTRIED", message });
    loads = "unknown";
  }
  return { loads, findings, lines: loads === "no" ? notCompiledLines : [] };
}

/** Hostcalls, WASI functions, signatures, the allocator, memory. */
function linked(info: ModuleInfo, { profile }: Target): Step {
  const problems = linkProblems(info, profile.host).filter(
    ({ code }) => code !== "ABI_UNKNOWN" && code !== "NOT_PROXY_WASM",
  );
  const refusing = problems.filter(({ code }) => code !== "MEMORY_MISSING");
  const findings = problems.map(({ code, message }): Finding => {
    if (code !== "MEMORY_MISSING") return { level: "error", code, message };
    // [R] it starts even so
    return {
      level: "warning",
      code,
      message: "It has no memory: Envoy loads it, and whatever it asks for cannot be handed to it",
    };
  });
  return refusing.length === 0 ? { ...fine, findings } : refusal(findings, linkProblemLines(refusing));
}

/** What the module's bytes let expect, and nothing but running it would prove. */
function hints(bytes: Uint8Array, { profile, istioMinor }: Target): Step {
  const findings: Finding[] = [];
  const names = (text: string): boolean =>
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(text) || includesUtf16(bytes, text);
  if (names("plugin_root_id")) {
    const where = istioMinor === undefined ? "root_id" : "root_id (EnvoyFilter) or pluginName (WasmPlugin)";
    findings.push({
      level: "note",
      code: "ROOT_ID",
      message: `It names the property plugin_root_id: set ${where} to what it expects`,
    });
  }
  if (!profile.clearsRouteCache && names("clear_route_cache")) {
    const message = `It names the foreign function clear_route_cache, which Envoy ${profile.release} does not have: its call answers NOT_FOUND`;
    findings.push({ level: "warning", code: "FOREIGN_FUNCTION", message });
  }
  return { ...fine, findings };
}

/** AssemblyScript keeps its texts in UTF-16. */
const includesUtf16 = (bytes: Uint8Array, text: string): boolean =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(Buffer.from(text, "utf16le"));
