import { linkProblems } from "../../host/linker.js";
import { envoy140 } from "../../proxy/envoy/behaviour.js";
import type { Rule } from "../rule.js";

/** More than this share of debug sections is told. */
const debugShare = 0.2;
const markers = ["proxy_abi_version_0_1_0", "proxy_abi_version_0_2_0", "proxy_abi_version_0_2_1"];

export const moduleRules: readonly Rule[] = [
  {
    id: "M-B1",
    severity: "error",
    title: "The module is a WebAssembly module",
    why: 'The proxy logs "Failed to parse corrupted Wasm module" and rejects the listener, whatever the failure policy.',
    fix: "Build it again; do not compress it.",
    *check({ module }) {
      if (module?.problem !== undefined) yield { file: module.file, message: module.problem };
    },
  },
  {
    id: "M-B2",
    severity: "error",
    title: "It exports one marker of the ABI",
    why: 'The proxy logs "Missing or unknown Proxy-Wasm ABI version": it is no proxy-wasm filter.',
    fix: "Build it with an SDK of proxy-wasm.",
    *check({ module }) {
      if (module?.info === undefined) return;
      const found = markers.filter((name) => module.info!.exports.some((one) => one.name === name));
      if (found.length === 0) {
        yield { file: module.file, message: "module exports no proxy_abi_version_*; it is not a proxy-wasm filter" };
      } else if (found.length > 1) {
        const message = `module exports ${found.join(" and ")}; the first one wins`;
        yield { file: module.file, message, severity: "warning" };
      }
    },
  },
  {
    id: "M-B3",
    severity: "error",
    title: "It exports memory, and malloc or proxy_on_memory_allocate",
    why: 'The proxy logs "Wasm module is missing malloc function."',
    fix: "Build it with the exports of the SDK.",
    *check({ module }) {
      if (module?.inspection === undefined || module.inspection.abiVersion === undefined) return;
      for (const { code, message } of module.inspection.problems) {
        if (code === "ALLOCATOR_MISSING" || code === "MEMORY_MISSING") yield { file: module.file, message };
      }
    },
  },
  {
    id: "M-B4",
    severity: "error",
    title: "Every import is one that Envoy has",
    why: "Envoy cannot link the module.",
    fix: "Build it without what needs the import.",
    *check({ module, target }) {
      if (module?.info === undefined || target.envoy !== undefined) return; // then M-V6 tells
      for (const { code, message } of linkProblems(module.info, envoy140)) {
        if (code === "IMPORT_MISSING" || code === "IMPORT_TYPE") yield { file: module.file, message };
      }
    },
  },
  {
    id: "M-B5",
    severity: "warning",
    title: "It exports a callback",
    why: "It handles no events.",
    fix: "Name the right file, or export proxy_on_request_headers and its like.",
    *check({ module }) {
      if (module?.info === undefined) return;
      if (module.info.exports.some(({ name }) => name.startsWith("proxy_on_"))) return;
      yield { file: module.file, message: "the module exports no proxy_on_*: it handles no events" };
    },
  },
  {
    id: "M-B6",
    severity: "warning",
    title: "Debug sections are less than a fifth of it",
    why: "They count against the limits of ConfigMaps and downloads, and do nothing in the proxy.",
    fix: "Strip them: wasm-strip, wasm-opt --strip-debug, TinyGo's -no-debug, Rust's strip = true.",
    *check({ module }) {
      if (module?.inspection === undefined) return;
      const { customSections, size } = module.inspection;
      const isDebug = (name: string): boolean => /^(name$|\.debug_|sourceMappingURL$|external_debug)/.test(name);
      const bytes = customSections.filter(({ name }) => isDebug(name)).reduce((sum, one) => sum + one.bytes, 0);
      if (bytes <= size * debugShare) return;
      yield { file: module.file, message: `${bytes} of ${size} bytes are debug sections; strip them` };
    },
  },
  {
    id: "M-B7",
    severity: "information",
    title: "Size, checksum and ABI of the module",
    why: "So that they can be compared with what the manifests say.",
    fix: "Nothing.",
    *check({ module }) {
      if (module?.inspection === undefined) return;
      const { size, sha256, abiVersion } = module.inspection;
      yield { file: module.file, message: `${size} bytes, sha256 ${sha256}, ABI ${abiVersion ?? "unknown"}` };
    },
  },
];
