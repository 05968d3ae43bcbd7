/**
 * Every limit, by name. Those of [H] and [E] are behaviour; the harness's own protect the process that runs the tests,
 * and reaching one of those is an error that names it.
 */
export const limits = {
  /** [H] pairs from a guest: more bytes decode as an empty list. */
  pairsBytes: 1024 * 1024,
  /** [H] pairs from a guest: more entries decode as an empty list. */
  pairsCount: 1024,
  /** [H] WASI random_get: more answers EINVAL. */
  randomBytes: 65_536,
  /** [H] linear memory in pages of 64 KiB (1 GiB): memory.grow beyond answers -1. */
  memoryPages: 16_384,
  /** Elements with which a table may begin: V8's own limit, and no more are made for an import. */
  tableElements: 10_000_000,

  /** Bytes of a file that a caller names: a module, a configuration, a body. */
  fileBytes: 256 * 1024 * 1024,
  /** Log records kept by a harness; older ones are dropped and counted. */
  logRecords: 200_000,
  /** Bytes of log text kept by a harness; older records are dropped and counted. */
  logBytes: 64 * 1024 * 1024,
  /** Bytes in one argument of a hostcall: a name, a path, a body. JavaScript has no string of 512 MiB. */
  argumentBytes: 256 * 1024 * 1024,
  /** Bytes in one WASI write: its vectors may overlap, so a small memory can hold terabytes. */
  writeBytes: 64 * 1024 * 1024,
  /** Segments in the path of a property: more answer NOT_FOUND, for none lies so deep. */
  propertySegments: 256,
  /** Bytes in one shared-data value. */
  sharedValueBytes: 64 * 1024 * 1024,
  /** Keys of shared data in one vm_id. */
  sharedKeys: 100_000,
  /** Bytes of all shared data of a process, keys and values. */
  sharedBytes: 256 * 1024 * 1024,
  /** Shared queues of a process. */
  queues: 10_000,
  /** Bytes waiting in one shared queue. */
  queueBytes: 256 * 1024 * 1024,
  /** Entries in a header map that a guest adds to. Envoy looks at its limit of 100 only where a message comes in. */
  headerCount: 100_000,
  /** Bytes of names and values in a header map that a guest adds to. */
  headerBytes: 64 * 1024 * 1024,
  /** Items waiting in one shared queue. */
  queueItems: 100_000,
  /** Metrics defined by one VM. */
  metrics: 100_000,
  /** Callbacks that fall due at one and the same moment: more, and they cause each other without end. */
  dueAtOnce: 1_000_000,
  /** CEL expressions that one plugin holds: `expr_create` without `expr_delete`. */
  expressions: 100_000,
  /** Properties that one plugin declared with `declare_property`. */
  declaredProperties: 10_000,
  /** Calls waiting for an answer in one VM. */
  pendingCalls: 10_000,
  /** Actions queued by one guest call (continue, close, local response). */
  deferredActions: 10_000,
  /** Callbacks that cause one another by what they deferred; beyond it the stack counts as exhausted. */
  nestedCallbacks: 600,
  /** Hostcalls and callbacks remembered for the report of a trap. */
  recentEvents: 32,
} as const;
