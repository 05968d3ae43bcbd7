import type { GuestPort, Inputs, Outputs, Parameter, WasmType } from "./parameters.js";
import { lib } from "./parameters.js";

/** When, besides ordinary callbacks, a function may be called. Elsewhere it traps with `restricted_callback`. [H] */
export interface Phases {
  /** While `_start` or `_initialize` runs. */
  readonly start?: boolean;
  /** While the allocator runs, called by the host. */
  readonly allocator?: boolean;
}

/**
 * One function that guests import: its name, its parameters as data, and what it does.
 *
 * `params` is the only description of the signature. The import function, the link check, the trace line, the relay guest,
 * the generators of the fuzzer and the reference table are made from it.
 */
export interface FunctionDescriptor<Scope = never> {
  readonly name: string;
  readonly params: Readonly<Record<string, Parameter>>;
  /** `none` only for WASI's proc_exit. */
  readonly result: "status" | "errno" | "value" | "none";
  readonly phases: Phases;
  readonly body: (scope: Scope, args: never) => unknown;
  /** The body has noted the call itself when it answers OK. Only `proxy_log`, the commonest of all. */
  readonly notesItself?: boolean;
}

/** A body answers a status alone, its results (status OK), or both. */
export type Answer<P extends Readonly<Record<string, Parameter>>> =
  number | (Outputs<P> & { readonly status?: never }) | (Partial<Outputs<P>> & { readonly status: number });

export type Body<Scope, P extends Readonly<Record<string, Parameter>>> = (scope: Scope, args: Inputs<P>) => Answer<P>;

/** What an import function needs of the VM that it is linked to. */
export interface ImportScope extends GuestPort {
  /** 0: anything may be called; else the phase whose functions alone may. */
  readonly phase: 0 | 1 | 2;
  /** Ends the guest's call: `descriptor` may not be called in this phase. */
  refusePhase(descriptor: FunctionDescriptor): never;
  /** The answer to a fault; rethrows what is no fault of the guest. */
  answerFault(thrown: unknown, descriptor: FunctionDescriptor): number;
  /** Remembers the call: decoded arguments, or the raw ones as an array where a check refused them; what the body answered. */
  noteCall(descriptor: FunctionDescriptor, args: unknown, outcome: unknown, status: number): void;
}

export const phaseStart = 1;
export const phaseAllocator = 2;

/** The wasm parameter types of a function. */
export function wasmParams(descriptor: Pick<FunctionDescriptor, "params">): WasmType[] {
  return Object.values(descriptor.params).flatMap((parameter) => parameter.wasm);
}

type Factory = (
  scope: ImportScope,
  body: unknown,
  descriptor: unknown,
  library: typeof lib,
) => (...args: never) => unknown;

const factories = new WeakMap<FunctionDescriptor, Factory>();

/**
 * The import function of `descriptor` for one VM.
 *
 * Its source is written once a process from the parameters, so that V8 sees straight-line code for each hostcall. The order
 * is behaviour: checks on raw values, decoding left to right, the body, results left to right. [H] exports.cc
 */
export function importFunction(descriptor: FunctionDescriptor, scope: ImportScope): (...args: never) => unknown {
  let factory = factories.get(descriptor);
  if (factory === undefined) {
    // oxlint-disable-next-line no-new-func -- the one place where code is made; every piece of it is ours
    factory = new Function("scope", "body", "D", "lib", source(descriptor)) as unknown as Factory;
    factories.set(descriptor, factory);
  }
  return factory(scope, descriptor.body, descriptor, lib);
}

/** The source of the factory: exported for a test that looks at it. */
export function source(descriptor: FunctionDescriptor): string {
  const checks: [condition: string, status: number | undefined][] = [];
  const inputs: string[] = [];
  const prepares: string[] = [];
  const encodes: string[] = [];
  const names: string[] = [];
  for (const [name, parameter] of Object.entries(descriptor.params)) {
    const own = parameter.wasm.map((_, i) => `a${names.length + i}`);
    names.push(...own);
    const fill = (code: string): string => code.replace(/\$(\d)/g, (_, i: string) => own[Number(i)]!);
    if (parameter.check !== undefined) checks.push([fill(parameter.check), parameter.checkStatus]);
    if (parameter.decode !== undefined) inputs.push(`${name}: ${fill(parameter.decode)}`);
    if (parameter.prepare !== undefined) prepares.push(`${fill(parameter.prepare)};`);
    if (parameter.encode !== undefined) {
      const write = fill(parameter.encode).replaceAll("$v", `outcome.${name}`);
      encodes.push(`if (outcome.${name} !== undefined) ${write};`);
    }
  }
  const allowed = (descriptor.phases.start ? phaseStart : 0) | (descriptor.phases.allocator ? phaseAllocator : 0);
  const raw = `[${names.join(", ")}]`;
  const refusals = checks.map(([condition, status]) => `if (${condition}) return answer(${status}, ${raw});`);
  const whole = "scope.noteCall(D, args, outcome, status);";
  const note = descriptor.notesItself === true ? `if (status !== 0) ${whole}` : whole;
  return `"use strict";
    const answer = (status, raw) => { scope.noteCall(D, raw, undefined, status); return status; };
    return (${names.join(", ")}) => {
      if (scope.phase !== 0 && (scope.phase & ${allowed}) === 0) scope.refusePhase(D);
      ${refusals.join("\n      ")}
      const memory = scope.memory, port = scope;
      let args, outcome, status = 0;
      try {
        args = { ${inputs.join(", ")} };
        ${prepares.join("\n        ")}
        outcome = body(scope, args);
        if (typeof outcome === "number") status = outcome;
        else if (outcome !== undefined) {
          ${encodes.join("\n          ")}
          if (outcome.status !== undefined) status = outcome.status;
        }
      } catch (thrown) {
        status = scope.answerFault(thrown, D);
      }
      ${note}
      return ${descriptor.result === "none" ? "undefined" : "status"};
    };`;
}
