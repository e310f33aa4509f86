import { readFile } from 'node:fs/promises';
import * as z from 'zod';

const AgentRecord = z.strictObject({
  diffId: z.templateLiteral(['sha256:', z.string().regex(/^[0-9a-f]{64}$/)]),
  size: z.int().min(1),
});

/** Which layer in the store is the agent of some inputs. */
export type AgentRecord = z.infer<typeof AgentRecord>;

/** Reads a record; undefined where there is none, or another file. */
export async function readAgentRecord(path: string): Promise<AgentRecord | undefined> {
  try {
    return AgentRecord.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}
