// What guests of four toolchains ask of their allocators grows with what they are sent.
import { expect, test } from "vitest";
import { bench, defaultExchange } from "../../src/bench/index.js";
import { bytesOrSkip } from "../vm/support.js";

const longer = "a".repeat(1000);

test.for(["", "-go", "-cpp", "-rust"])(
  "http-headers%s: a header value of 1000 bytes more asks for 1000 bytes more",
  { timeout: 60_000 },
  async (language, context) => {
    const file = bytesOrSkip(context, `fixtures/http-headers${language}/http-headers.wasm`);
    const bytes = async (value: string): Promise<number> => {
      const { requestHeaders, ...rest } = defaultExchange;
      const exchanges = [{ ...rest, requestHeaders: [...requestHeaders, ["x-long", value] as const] }];
      const { report } = await bench(file, { exchanges, rounds: 5, roundMs: 1, memoryExchanges: 128 });
      expect(report.ownAllocations?.calls).toBeGreaterThan(0);
      return report.ownAllocations!.bytes;
    };
    expect((await bytes(`b${longer}`)) - (await bytes("b"))).toBeGreaterThanOrEqual(longer.length);
  },
);
