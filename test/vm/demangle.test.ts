import { expect, test } from "vitest";
import { demangle } from "../../src/vm/demangle.js";

// What Envoy 1.40.0 printed in the backtrace of a module with these function names.
test.each([
  { name: "_ZN1aE", printed: "a" },
  { name: "_ZN4core9panicking5panic17h0123456789abcdefE", printed: "core::panicking::panic::h0123456789abcdef" },
  {
    name: "_ZN4core5slice29_$LT$impl$u20$$u5b$T$u5d$$GT$15copy_from_slice17h4e9ae91b0f4a2397E",
    printed: "core::slice::_$LT$impl$u20$$u5b$T$u5d$$GT$::copy_from_slice::h4e9ae91b0f4a2397",
  },
  { name: "_ZN4core3fmtE.llvm.123", printed: "core::fmt (.llvm.123)" },
  { name: "_ZN12_GLOBAL__N_13fooE", printed: "(anonymous namespace)::foo" },
  { name: "_ZN4core3fmt", printed: "_ZN4core3fmt" },
  { name: "_RNvC6_123foo3bar", printed: "_RNvC6_123foo3bar" },
  { name: "main.go", printed: "main.go" },
  { name: "foo bar (x)", printed: "foo bar (x)" },
])("demangle() makes $printed of $name", ({ name, printed }) => {
  expect(demangle(name)).toBe(printed);
});

test.each(["_ZN", "_ZNE", "_ZN99aE", "_ZN99999999999999999999aE", "_ZN3foo3barEi", "_ZN0E"])(
  "demangle() leaves %s, which it does not understand",
  (name) => {
    expect(demangle(name)).toBe(name);
  },
);
