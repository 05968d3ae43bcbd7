import { describe, expect, test } from "vitest";
import { createProxy, loadPlugin, reply } from "../../src/index.js";
import type { PluginOptions, ProxyOptions } from "../../src/index.js";
import { fixture } from "../support/fixtures.js";

const module = fixture("probe/probe.wasm");

describe("wrong options are refused with what was meant", () => {
  test.each<[object, string]>([
    [
      { configuraton: "x" },
      'option configuraton of loadPlugin: there is none of that name (did you mean "configuration"?)',
    ],
    [{ toString: 1 }, "option toString of loadPlugin: there is none of that name"],
    [{ trace: "yes" }, "option trace of loadPlugin: true or false is wanted"],
    [{ seed: 1.5 }, "option seed of loadPlugin: a whole number is wanted"],
    [{ startTime: new Date("x") }, "option startTime of loadPlugin: a Date that is one is wanted"],
    [{ onFailure: "trow" }, 'onFailure of loadPlugin: "throw" or "policy" is wanted (did you mean "throw"?)'],
    [{ environment: { A: 1 } }, "option environment of loadPlugin: an object of texts is wanted"],
    [{ capabilities: "proxy_log" }, "option capabilities of loadPlugin: a list of texts is wanted"],
  ])("loadPlugin(%j)", async (options, message) => {
    await expect(loadPlugin(module, options as PluginOptions)).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message: expect.stringContaining(message),
    });
  });

  test.each<[object, string]>([
    [{ upstream: {} }, 'option upstream of createProxy: there is none of that name (did you mean "upstreams"?)'],
    [{ filters: module }, "option filters of createProxy: a list is wanted"],
    [{ workers: -1 }, "option workers of createProxy: a whole number from 0 is wanted"],
    [
      { listener: { bufferLimits: 1 } },
      'bufferLimits of createProxy\'s listener: there is none of that name (did you mean "bufferLimit"?)',
    ],
    [{ upstreams: { web: { answer: reply(200), protocol: "HTTP2" } } }, 'protocol of upstream "web": "HTTP/1.0" or'],
    [
      { upstreams: { web: 200 } },
      'upstream "web" of createProxy: 200 is no answer; write { status: 200 } or a function',
    ],
    [{ filters: [{ module, failurePolicy: "FAIL_OPENS" }] }, 'is wanted (did you mean "FAIL_OPEN"?)'],
    [{ filters: [{ module, config: "x" }] }, "option config of a filter: there is none of that name"],
    [{ filters: [{ name: "x" }] }, "Cannot use a filter: it has no module"],
  ])("createProxy(%j)", async (options, message) => {
    await expect(createProxy({ filters: [], ...options } as ProxyOptions)).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message: expect.stringContaining(message),
    });
  });

  test("what is undefined counts as not given", async () => {
    const options = { trace: undefined } as unknown as PluginOptions;
    await using plugin = await loadPlugin(module, options);
    expect(plugin.failure).toBeUndefined();
  });
});
