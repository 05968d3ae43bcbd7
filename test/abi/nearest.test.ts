import { describe, expect, test } from "vitest";
import { didYouMean, nearest } from "../../src/abi/nearest.js";

const names = ["proxy_log", "proxy_get_log_level", "proxy_done", "fd_write"];

describe("nearest()", () => {
  test.each([
    { word: "proxy_lgo", found: "proxy_log" },
    { word: "PROXY_LOG", found: "proxy_log" },
    { word: "proxy_get_log_levl", found: "proxy_get_log_level" },
    { word: "fd_wrte", found: "fd_write" },
    { word: "something_else_entirely", found: undefined },
    { word: "", found: undefined },
  ])("of $word is $found", ({ word, found }) => {
    expect(nearest(word, names)).toBe(found);
  });
});

test("didYouMean() is a hint, or nothing", () => {
  expect(didYouMean("proxy_dne", names)).toBe(' (did you mean "proxy_done"?)');
  expect(didYouMean("zzzzzzzzzz", names)).toBe("");
});
