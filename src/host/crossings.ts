import { LogLevel } from "../abi/enums.js";
import type { PluginVm } from "./plugin-vm.js";

type WasmFunction = (...args: (number | bigint)[]) => number | bigint | undefined;

/** Arrows of calls into the guest, and of calls out of it. */
const arrows = { callback: ["[host->vm]", "[host<-vm]"], hostcall: ["[vm->host]", "[vm<-host]"] } as const;

/**
 * A function that tells of each call across the border, with raw arguments and result, in the lines that Envoy prints at level trace
 * of its logger `wasm`: `[vm->host] env.proxy_log(2, 839232, 15)`, `[vm<-host] env.proxy_log return: 0`. [H] V8's trace wrappers
 */
export function logCrossings<F>(vm: PluginVm, kind: keyof typeof arrows, name: string, target: F): F {
  const [there, back] = arrows[kind];
  const call = target as WasmFunction;
  const logged: WasmFunction = (...args) => {
    vm.hostLog(LogLevel.Trace, `${there} ${name}(${args.map(unsigned).join(", ")})`);
    const result = call(...args);
    vm.hostLog(LogLevel.Trace, `${back} ${name} return: ${result === undefined ? "void" : unsigned(result)}`);
    return result;
  };
  return logged as F;
}

const unsigned = (value: number | bigint): string =>
  typeof value === "bigint" ? String(BigInt.asUintN(64, value)) : String(Number.isInteger(value) ? value >>> 0 : value);
