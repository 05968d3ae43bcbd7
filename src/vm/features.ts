import { tolerant } from "./binary.js";
import { customSection } from "./custom-sections.js";
import type { FeatureName, ModuleInfo } from "./module-types.js";

export interface FeatureUse {
  /** A `FeatureName`, or one of the `target_features` section that this version does not know. */
  readonly name: string;
  /**
   * `needed`: a type, a section or an initialiser uses it. `declared`: the compiler was allowed to use it; whether it did,
   * only the function bodies say.
   */
  readonly how: "needed" | "declared";
}

export interface UnsupportedFeature extends FeatureUse {
  /** `extended-const: run on Node 22 or newer`. */
  readonly advice: string;
}

/** The oldest Node major that has the feature (each was run), and the smallest module that only an engine with it accepts. */
interface FeatureFact {
  readonly node?: number;
  /** Sections behind the preamble, in hex. */
  readonly probe: string;
}

const facts: Readonly<Record<FeatureName, FeatureFact>> = {
  // (global (import "a" "b") (mut i32))
  "mutable-globals": { node: 20, probe: "02080101610162037f01" },
  // (func (param i32) (result i32) local.get 0 i32.extend8_s)
  "sign-ext": { node: 20, probe: "01060160017f017f 03020100 0a070105002000c00b" },
  // (func (param f32) (result i32) local.get 0 i32.trunc_sat_f32_s)
  "nontrapping-fptoint": { node: 20, probe: "01060160017d017f 03020100 0a080106002000fc000b" },
  // (memory 0) (func i32.const 0 i32.const 0 i32.const 0 memory.fill)
  "bulk-memory": { node: 20, probe: "010401600000 03020100 0503010000 0a0d010b00410041004100fc0b000b" },
  // (table 0 externref)
  "reference-types": { node: 20, probe: "0404016f0000" },
  // (type (func (result i32 i32)))
  multivalue: { node: 20, probe: "0106016000027f7f" },
  // (type (func (param v128))) (func (type 0))
  simd128: { node: 20, probe: "01050160017b00 03020100 0a040102000b" },
  // (func return_call 0)
  "tail-call": { node: 20, probe: "010401600000 03020100 0a0601040012000b" },
  // (memory 0 0 shared)
  atomics: { node: 20, probe: "050401030000" },
  // (tag)
  "exception-handling": { node: 20, probe: "010401600000 0d03010000" },
  // (table 0 exnref)
  exnref: { node: 22, probe: "040401690000" },
  // (global i32 (i32.add (i32.const 0) (i32.const 0)))
  "extended-const": { node: 22, probe: "0609017f00410041006a0b" },
  // (memory 0) (memory 0)
  multimemory: { node: 22, probe: "05050200000000" },
  // (memory i64 0)
  memory64: { node: 22, probe: "0503010400" },
  // (table i64 0 funcref)
  table64: { node: 24, probe: "040401700400" },
  // (type (struct))
  gc: { node: 22, probe: "0103015f00" },
  // (func (param v128) (result v128) local.get 0 local.get 0 i8x16.relaxed_swizzle)
  "relaxed-simd": { node: 22, probe: "01060160017b017b 03020100 0a0b01090020002000fd80020b" },
  // (memory 0 (pagesize 1))
  "custom-page-sizes": { probe: "050401080000" },
  // (func (param i64 i64 i64 i64) (result i64 i64) local.get 0 local.get 1 local.get 2 local.get 3 i64.add128)
  "wide-arithmetic": { probe: "010a0160047e7e7e7e027e7e 03020100 0a0e010c002000200120022003fc130b" },
};

/** The features that the module needs by its structure, then those that only its `target_features` section declares. */
export function moduleFeatures(info: ModuleInfo, bytes: Uint8Array): FeatureUse[] {
  const declared = tolerant(() => declaredFeatures(info, bytes), []).filter(
    (name) => !info.needs.has(name as FeatureName),
  );
  return [
    ...[...info.needs].map((name): FeatureUse => ({ name, how: "needed" })),
    ...declared.map((name): FeatureUse => ({ name, how: "declared" })),
  ];
}

/**
 * Which of its features this Node lacks: why a module that is well framed does not compile.
 *
 * Each is probed with a tiny module, so a flag of V8's counts too. A declared feature may be unused, so compile first and
 * ask only when that fails.
 */
export function unsupportedFeatures(info: ModuleInfo, bytes: Uint8Array): UnsupportedFeature[] {
  return moduleFeatures(info, bytes).flatMap((use) => {
    const fact = Object.hasOwn(facts, use.name) ? facts[use.name as FeatureName] : undefined;
    return fact === undefined || isSupported(fact) ? [] : [{ ...use, advice: `${use.name}: ${advise(fact)}` }];
  });
}

function isSupported(fact: FeatureFact): boolean {
  return WebAssembly.validate(Buffer.from(`0061736d01000000${fact.probe.replaceAll(" ", "")}`, "hex"));
}

function advise({ node }: FeatureFact): string {
  if (node === undefined) return "no Node has it yet; build without it";
  return node === 20 ? "Node has it, yet not on this machine or with these flags" : `run on Node ${node} or newer`;
}

/** Entries are a prefix (`+` used, `=` required, `-` not allowed) and a name. tool-conventions/Linking.md */
function declaredFeatures(info: ModuleInfo, bytes: Uint8Array): string[] {
  const section = customSection(info, bytes, "target_features");
  const names: string[] = [];
  for (let left = section.leb("the number of features"); left > 0; left--) {
    const prefix = section.u8("the prefix of a feature");
    const name = section.lenientName("a feature");
    if (prefix !== 0x2d) names.push(name);
  }
  return names;
}
