/** Which rule a diagnostic is about, and where the rule was read. */
export interface DiagnosticRule {
  readonly rule: string;
  readonly source: string;
}

/**
 * Everything that no status tells and that a person should know. Codes are part of the public API: one is added, never
 * renamed. Numbers are sections of the references that Envoy's behaviour was written down in.
 */
export const diagnosticRules = {
  MALFORMED_PAIRS: {
    rule: "Pairs that cannot be read count as none, and the hostcall does not tell",
    source: "Envoy, ABI reference 7.1",
  },
  UNKNOWN_IMPORT_CALLED: {
    rule: "Envoy refuses a module with an import that no host provides",
    source: "Envoy, ABI reference 3",
  },
  LOCAL_RESPONSE_WITHOUT_STREAM: {
    rule: "A local response on a context that is no stream answers OK and has no effect",
    source: "Envoy, behaviour reference 4",
  },
  WOULD_CRASH_ENVOY: {
    rule: "A real Envoy ends here, with all its connections",
    source: "Envoy, recorded (behaviour reference 2.4, 4 and 6.2)",
  },
  CONTINUE_NOT_PAUSED: {
    rule: "What proxy_continue_stream does while nothing is paused is undefined: headers may be sent twice, or Envoy crash",
    source: "Envoy, behaviour reference 2.4",
  },
  CONTENT_LENGTH_MISMATCH: {
    rule: "content-length is never corrected: a plugin that changes a body's length removes it in the headers callback",
    source: "Envoy, behaviour reference 2.5",
  },
  RESPONSE_HEADER_SPLIT: {
    rule: "Response headers are not validated: over HTTP/1 a CR or LF in a value begins a new header line",
    source: "Envoy, behaviour reference 3.4",
  },
  PAUSED_FOR_GOOD: {
    rule: "A paused stream waits until the plugin continues, answers or closes it, the client leaves, or 5 minutes are over",
    source: "Envoy, behaviour reference 2.4 and 7.1",
  },
} as const satisfies Readonly<Record<string, DiagnosticRule>>;

export type DiagnosticCode = keyof typeof diagnosticRules;

/** Something that is no error for the guest, and that its author should know. */
export interface Diagnostic extends DiagnosticRule {
  /** Stable. */
  readonly code: DiagnosticCode;
  /** What happened, and where. */
  readonly message: string;
}

/** A diagnostic with its rule. */
export function diagnostic(code: DiagnosticCode, message: string): Diagnostic {
  return { code, message, ...diagnosticRules[code] };
}
