/** Says, once for each, which of these releases of Envoy nobody could record. On standard error: reports stay as they are. */
export async function sayNotRecorded(releases: Iterable<string | undefined>): Promise<void> {
  const { notRecorded, profileOf } = await import("../proxy/envoy/profiles.js");
  const notes = new Set([...releases].map((release) => notRecorded(profileOf(release))));
  for (const note of notes) if (note !== undefined) process.stderr.write(`pwh: ${note}\n`);
}
