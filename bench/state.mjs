// Fresh state: what going back to a snapshot costs, against one plain copy of what is not 0 in the guest's memory.
import { harnessExchange } from "./exchange.mjs";

/**
 * A restore after every exchange, and the copy that it cannot avoid.
 *
 * @param {string} file
 */
export async function freshState(file) {
  const { plugin, run } = await harnessExchange(file);
  run(1); // what the first exchange sets up belongs to the state
  const snapshot = plugin.snapshot();
  const content = contentOf(plugin.vm.memory.whole);
  const target = new Uint8Array(content.length);
  return {
    contentSize: content.length,
    memorySize: plugin.vm.memory.size,
    /** @param {number} times */
    run(times) {
      for (let i = 0; i < times; i++) {
        run(1);
        plugin.restore(snapshot);
      }
    },
    /** Nanoseconds of a restore alone, each after an exchange. @param {number} times */
    restoreNs(times) {
      let sum = 0;
      for (let i = 0; i < times; i++) {
        run(1);
        const start = performance.now();
        plugin.restore(snapshot);
        sum += performance.now() - start;
      }
      return (sum * 1e6) / times;
    },
    /** Nanoseconds of the copy alone, each after an exchange: caches are as cold as for the restore. @param {number} times */
    copyNs(times) {
      let sum = 0;
      for (let i = 0; i < times; i++) {
        run(1);
        plugin.restore(snapshot);
        const start = performance.now();
        target.set(content);
        sum += performance.now() - start;
      }
      return (sum * 1e6) / times;
    },
  };
}

/** The pages of 4 KiB that are not empty, in one piece. @param {Uint8Array} memory */
function contentOf(memory) {
  const pages = [];
  for (let at = 0; at < memory.length; at += 4096) {
    const page = Buffer.from(memory.subarray(at, at + 4096));
    if (page.some((byte) => byte !== 0)) pages.push(page);
  }
  return new Uint8Array(Buffer.concat(pages));
}
