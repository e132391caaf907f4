/** What is in the envelope of an answer of JSON-RPC. */
export function resultOf(answer: Buffer): Record<string, unknown> {
  const parsed = JSON.parse(answer.toString()) as Record<string, unknown>;
  return (parsed['result'] as Record<string, unknown> | undefined) ?? parsed;
}
