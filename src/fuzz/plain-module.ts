import { constant, ModuleWriter } from "../vm/module-writer.js";

/** A plugin that does nothing: with it a proxy sends what it sends without any. */
export function plainModule(): Uint8Array {
  const writer = new ModuleWriter();
  writer.setMemory(1, 1);
  writer.export("memory", "memory", 0);
  writer.export("proxy_abi_version_0_2_1", "function", writer.addFunction([], [], []));
  writer.export("malloc", "function", writer.addFunction(["i32"], ["i32"], constant(1024)));
  return writer.finish();
}
