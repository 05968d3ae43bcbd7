import { describe, expect, test } from "vitest";
import { createMask, maskDeep } from "../../src/verify/envoy/mask.js";

describe("createMask()", () => {
  const mask = createMask([["size=\\d+", "size=<garbage>"]], ["/tmp/pwh-envoy-x1"]);
  test.each([
    ["Mon, 23 Nov 2026 04:19:10 GMT", "<date>"],
    ['x-request-id"="80ff2a31-9dee-425f-b9d4-e19100a5fd21"', 'x-request-id"="<uuid>"'],
    ["127.0.0.1:40123 and 127.0.0.1:1", "127.0.0.1:<port> and 127.0.0.1:<port>"],
    ['"x-envoy-upstream-service-time"="12", "x"="12"', '"x-envoy-upstream-service-time"="<ms>", "x"="12"'],
    ["initializing config 'goo.gle/debugproto   \n/tmp/pwh-envoy-x1/envoy.json'", "initializing config '<file>'"],
    ["/tmp/pwh-envoy-x1/access.log", "<folder>/access.log"],
    ['HC prop destination port -> 0 len=8 "\\x05\\xa5\\x00\\x00"', "HC prop destination port -> 0 len=8 <port>"],
    ['HC prop request time -> 0 len=8 "1234"', "HC prop request time -> 0 len=8 <time>"],
    ['HC prop request size -> 0 len=8 "1234"', 'HC prop request size -> 0 len=8 "1234"'],
    ['HC prop connection id -> 0 len=8 "\\x03"', "HC prop connection id -> 0 len=8 <id>"],
    ["HC prop request time -> 1", "HC prop request time -> 1"],
    ['HC prop xds node metadata -> 0 len=26 "ab"', "HC prop xds node metadata -> 0 <map>"],
    [
      'HC prop request headers -> 0 len=34 "\\x02\\x00\\x00\\x00\\x01\\x00\\x00\\x00\\x01\\x00\\x00\\x00\\x01\\x00\\x00\\x00\\x02\\x00\\x00\\x00b\\x001\\x00a\\x00\\"\\xff\\x00"',
      'HC prop request headers -> 0 {"a"="\\"\\xff", "b"="1"}',
    ],
    ["HC prop request headers -> 1", "HC prop request headers -> 1"],
    ["size=1 size=2", "size=<garbage> size=<garbage>"],
  ])("%s", (text, masked) => {
    expect(mask(text)).toBe(masked);
  });
});

test("maskDeep() masks every text and the header that carries milliseconds, keys excepted", () => {
  const value = {
    headers: [
      ["date", "Mon, 23 Nov 2026 04:19:10 GMT"],
      ["x-envoy-upstream-service-time", "7"],
    ],
    status: 200,
    nothing: null,
  };
  expect(maskDeep(value, createMask())).toEqual({
    headers: [
      ["date", "<date>"],
      ["x-envoy-upstream-service-time", "<ms>"],
    ],
    status: 200,
    nothing: null,
  });
});
