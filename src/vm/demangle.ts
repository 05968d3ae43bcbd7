/**
 * A mangled name as Envoy 1.40 prints it, where that needs no grammar: `_ZN4core3fmt17h0123456789abcdefE`, the form of Rust
 * and of C++ without parameters, becomes `core::fmt::h0123456789abcdef`. Any other name stays as it is; wasm-ld has mostly
 * demangled those of C++ itself.
 */
export function demangle(name: string): string {
  if (!name.startsWith("_ZN")) return name;
  const parts: string[] = [];
  let at = 3;
  for (;;) {
    const digits = /^[1-9]\d{0,4}/.exec(name.slice(at, at + 5))?.[0];
    if (digits === undefined) break;
    at += digits.length + Number(digits);
    if (at > name.length) return name;
    const part = name.slice(at - Number(digits), at);
    parts.push(part === "_GLOBAL__N_1" ? "(anonymous namespace)" : part);
  }
  if (parts.length === 0 || name[at] !== "E") return name;
  const suffix = name.slice(at + 1); // LLVM adds ".llvm.123" to what it made visible to other units
  if (suffix === "") return parts.join("::");
  return suffix.startsWith(".") ? `${parts.join("::")} (${suffix})` : name;
}
