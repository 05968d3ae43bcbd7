// Large things through the relay guest, real wasm whose hostcalls are made by JavaScript: bodies and large maps.
import { relay } from "../dist/harness/relay.js";
import { requestHeaders } from "./exchange.mjs";

const chunk = new Uint8Array(64 * 1024).fill(0x61);
const chunks = 16;
const into = 8192;

/** 1 MiB in chunks of 64 KiB, each read whole by the guest and replaced by as many bytes. */
export async function bodyExchange() {
  const guest = await relay({ logLevel: "error" });
  guest.grow(8);
  const heap = guest.heap;
  const { exports } = guest;
  const read = /** @type {Function} */ (exports["call_proxy_get_buffer_bytes"]);
  const write = /** @type {Function} */ (exports["call_proxy_set_buffer_bytes"]);
  let replaced = 0;
  guest.during("proxy_on_request_body", () => {
    guest.heap = heap; // the guest frees what it was given
    if (read(0, 0, chunk.length, 100, 104) !== 0) throw new Error("Measured a body that was not read");
    if (write(0, 0, chunk.length, guest.u32(100), chunk.length) !== 0) throw new Error("Measured a body that was kept");
    replaced++;
  });
  return {
    /** @param {number} times */
    run(times) {
      replaced = 0;
      for (let i = 0; i < times; i++) {
        const stream = guest.plugin.openHttpStream();
        stream.requestHeaders(requestHeaders);
        for (let part = 1; part <= chunks; part++) stream.requestBody(chunk, { endOfStream: part === chunks });
        stream.close();
        guest.callbacks.length = 0;
      }
      if (replaced !== times * chunks) throw new Error("Measured bodies that the guest did not see");
    },
  };
}

/**
 * What cannot be avoided: each chunk copied into the guest's memory once, and out of it once into bytes of its own, which
 * are kept until the exchange is over.
 */
export function bodyCopies() {
  const memory = new Uint8Array(9 * 65_536);
  return {
    /** @param {number} times */
    run(times) {
      for (let i = 0; i < times; i++) {
        const kept = [];
        for (let part = 0; part < chunks; part++) {
          memory.set(chunk, into);
          kept.push(memory.slice(into, into + chunk.length));
        }
        if (kept.length !== chunks) throw new Error("Measured a copy that was not made");
      }
    },
  };
}

/**
 * Every header of a map of `count` read, and replaced by another value: `run` counts operations, two for each header.
 *
 * @param {number} count
 */
export async function largeMap(count) {
  const guest = await relay({ logLevel: "error", answers: { proxy_on_request_headers: 1 } });
  guest.grow(4);
  const heap = guest.heap;
  const get = /** @type {Function} */ (guest.exports["call_proxy_get_header_map_value"]);
  const replace = /** @type {Function} */ (guest.exports["call_proxy_replace_header_map_value"]);
  const stream = guest.plugin.openHttpStream();
  const names = Array.from({ length: count }, (_, i) => `x-header-${String(i).padStart(4, "0")}`);
  stream.requestHeaders(Object.fromEntries(names.map((name) => [name, "value-0"])));
  const context = guest.vm.contexts.get(stream.contextId);
  if (context === undefined) throw new Error("Measured a stream that is gone");
  const width = 14;
  names.forEach((name, i) => guest.write(into + i * width, name));
  guest.write(200, "value-1");
  guest.write(210, "value-2");
  let round = 0;
  return {
    /** @param {number} times */
    run(times) {
      for (let left = times; left > 0; left -= 2 * count) {
        const value = round++ % 2 === 0 ? 200 : 210;
        const some = Math.min(count, left / 2);
        guest.inside(() => {
          for (let i = 0; i < some; i++) {
            guest.heap = heap; // the guest frees what it was given
            const name = into + i * width;
            if (get(0, name, 13, 100, 104) !== 0) throw new Error("Measured a header that was not found");
            if (replace(0, name, 13, value, 7) !== 0) throw new Error("Measured a header that was not replaced");
          }
        }, context);
      }
    },
  };
}
