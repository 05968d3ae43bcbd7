import { describe, expect, test } from "vitest";
import { exchangeOf, parseSweep, sentSha256, sweptExchange } from "../../src/bench/load.js";
import { slopeOf } from "../../src/bench/memory-growth.js";
import { parseThreshold, verdictOf } from "../../src/bench/thresholds.js";
import { isSteady } from "../../src/bench/warm-up.js";

describe("parseThreshold()", () => {
  test.each([
    ["p(95)<50us", "p(95)", "<", 50],
    ["p(99.9) <= 2ms", "p(99.9)", "<=", 2000],
    ["med<800ns", "med", "<", 0.8],
    ["ratio<1.1", "ratio", "<", 1.1],
    ["memory_slope==0", "memory_slope", "==", 0],
    ["log_bytes<2kb", "log_bytes", "<", 2048],
    ["hostcalls<=14", "hostcalls", "<=", 14],
  ])("%s", (text, metric, operator, limit) => {
    expect(parseThreshold(text)).toEqual({ text, metric, operator, limit });
  });

  test.each([
    ["", "it is no metric, operator and limit"],
    ["p(95)", "it is no metric, operator and limit"],
    ["p(95)=50us", "equal is =="],
    ["p(100)<50us", "a percentile lies between 0 and 100"],
    ["p(x)<50us", "a percentile lies between 0 and 100"],
    ["p(95)<50", "has no unit: us, ms, ns or s"],
    ["p(95)<50parsecs", 'has no unit "parsecs": it has ns, us'],
    ["hostcalls<3us", 'hostcalls has no unit "us"'],
    ["rato<1.1", 'there is no metric "rato" (did you mean "ratio"?)'],
    ["ratio<fast", '"fast" is no number'],
    ["constructor<1", 'there is no metric "constructor"'],
  ])("%j is refused", (text, why) => {
    expect(() => parseThreshold(text)).toThrow(why);
  });
});

test("a limit within the interval decides nothing; an equality only fails outside of it", () => {
  const measured = { value: 1.05, low: 1, high: 1.1 };
  expect(verdictOf(measured, "<", 1.2)).toBe("passed");
  expect(verdictOf(measured, "<", 1.05)).toBe("undecided");
  expect(verdictOf(measured, "<", 0.9)).toBe("failed");
  expect(verdictOf(measured, ">", 1.1)).toBe("failed");
  expect(verdictOf(measured, ">=", 1)).toBe("passed");
  expect(verdictOf(measured, "==", 1.01)).toBe("passed");
  expect(verdictOf(measured, "==", 0)).toBe("failed");
  expect(verdictOf({ value: 4, low: 4, high: 4 }, "<=", 4)).toBe("passed");
  expect(verdictOf({ value: 4, low: 4, high: 4 }, "!=", 4)).toBe("failed");
});

describe("memory", () => {
  const page = 65536;
  test("64 bytes an exchange fill a page every 1024: the interval holds 64 and not 0", () => {
    const sizes = Array.from({ length: 64 }, (_, i) => 2 * page + Math.floor((64 * 128 * (i + 1)) / page) * page);
    const { slope } = slopeOf(sizes, 128);
    expect(slope.low).toBeGreaterThan(0);
    expect(slope.low).toBeLessThanOrEqual(64);
    expect(slope.high).toBeGreaterThanOrEqual(64);
  });
  test("what is filled once, in the first half, is no growth", () => {
    const { slope } = slopeOf([...Array<number>(20).fill(page), ...Array<number>(44).fill(9 * page)], 100);
    expect(slope).toMatchObject({ value: 0, low: 0 });
  });
});

test("warm-up: steps down are not steady, a level that scatters is", () => {
  expect(isSteady([40, 40, 40, 40, 40, 40])).toBe(false);
  expect(isSteady([40, 40, 40, 40, 40, 40, 20, 20, 20, 20, 20, 20])).toBe(false);
  expect(isSteady([20, 21, 20, 19, 20, 20, 20, 19, 20, 21, 20, 20])).toBe(true);
});

describe("loads", () => {
  test("a request and a reply become the parts of an exchange", () => {
    expect(
      exchangeOf(
        { path: "/a", headers: { "x-b": "c" }, body: ["12", Uint8Array.of(0x33)] },
        { status: 404, headers: { "x-d": "e" } },
      ),
    ).toEqual({
      requestHeaders: [
        [":authority", "example.com"],
        [":path", "/a"],
        [":method", "POST"],
        [":scheme", "http"],
        ["x-b", "c"],
      ],
      requestBody: new Uint8Array(Buffer.from("123")),
      responseHeaders: [
        [":status", "404"],
        ["x-d", "e"],
      ],
    });
  });

  test("a sweep adds headers to the exchange, or puts a body into it; the rest of it stays", () => {
    const base = exchangeOf({ path: "/a", headers: { "x-b": "c" } }, { status: 404, body: "gone" });
    const two = sweptExchange(base, "headers", 2);
    expect(two.requestHeaders.slice(0, -2)).toEqual(base.requestHeaders);
    expect(two.requestHeaders.slice(-2).map(([name]) => name)).toEqual(["x-header-0", "x-header-1"]);
    expect(two).toMatchObject({ responseHeaders: base.responseHeaders, responseBody: base.responseBody });
    const body = sweptExchange(base, "body", 3);
    expect(body.requestBody).toHaveLength(3);
    expect(body.requestHeaders).toEqual([
      [":authority", "example.com"],
      [":path", "/a"],
      [":method", "POST"],
      [":scheme", "http"],
      ["x-b", "c"],
      ["content-length", "3"],
    ]);
    expect(sweptExchange(body, "body", 0).requestBody).toBeUndefined();
  });

  test("what is sent has one name, whatever holds its bytes", () => {
    const post = (body: Uint8Array): string => sentSha256([exchangeOf({ path: "/a", body })]);
    expect(post(Buffer.from("ab"))).toBe(post(Uint8Array.of(0x61, 0x62)));
    expect(post(Buffer.from("ab"))).not.toBe(post(Buffer.from("ac")));
  });

  test("a sweep has its values in order, each once", () => {
    expect(parseSweep("headers=10,1,10")).toEqual({ over: "headers", values: [1, 10] });
  });

  test.each([
    ["header=1,2", "write it as headers=1,10,50,100"],
    ["headers=1", "two different values"],
    ["headers=1,x", "whole numbers up to 1000"],
    ["headers=1,2000", "whole numbers up to 1000"],
    ["body=", "whole numbers"],
  ])("sweep %j is refused", (text, why) => {
    expect(() => parseSweep(text)).toThrow(why);
  });
});
