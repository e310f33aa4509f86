import type { SeedMetadata } from './datasource.ts';
import { sourceFailed } from './failure.ts';
import { fieldAt, linesAt, textAt } from './json-fields.ts';

/**
 * Reads `meta-data` of NoCloud, YAML or JSON: instance-id, local-hostname, public-keys (text, list, or map).
 *
 * @throws AgentError DATASOURCE_FAILED when it is neither.
 */
export async function parseNocloudMetadata(bytes: Uint8Array | undefined, what: string): Promise<SeedMetadata> {
  if (bytes === undefined) return { sshKeys: [] };
  const { parse } = await import('yaml');
  let document: unknown;
  try {
    document = parse(Buffer.from(bytes).toString('utf8'), { maxAliasCount: 20 });
  } catch {
    throw sourceFailed(`${what} is no YAML.`, 'Write `instance-id: some-name`, or leave the file empty.');
  }
  return {
    instanceId: textAt(document, 'instance-id'),
    hostname: textAt(document, 'local-hostname') ?? textAt(document, 'hostname'),
    sshKeys: linesAt(fieldAt(document, 'public-keys') ?? fieldAt(document, 'public_ssh_keys')),
  };
}
