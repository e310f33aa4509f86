import { loadMachineDocument } from '../machine/load.ts';
import type { Problem } from '../problem.ts';
import { type Located, valueOf } from '../yaml/located.ts';
import type { SourceText } from '../yaml/parse.ts';

/** Reads the file that `cloudConfig.file` names, by its path from the folder of the first bowl; undefined when it cannot be read. */
export type ReadCloudConfig = (path: string) => Promise<SourceText | undefined>;

/**
 * What is wrong with the cloud-config of a bowl, in the words of loadMachineDocument. Inline text is placed in its bowl where
 * its lines stand there as they are, else in `FILE (cloudConfig.inline)`. A file that cannot be read is left to the build.
 */
export async function checkCloudConfig(
  document: Located,
  sources: readonly SourceText[],
  readCloudConfig: ReadCloudConfig | undefined,
): Promise<Problem[]> {
  const cloudConfig = valueOf(document, 'cloudConfig');
  const inline = cloudConfig && valueOf(cloudConfig, 'inline');
  if (inline?.kind === 'scalar' && typeof inline.value === 'string') {
    const text = inline.value;
    const name = `${inline.at.file} (cloudConfig.inline)`;
    const bowl = sources.find((source) => source.path === inline.at.file);
    const place = placeInBowl(bowl?.text ?? '', text, inline.at.line);
    return check({ path: name, text }).map((problem) => {
      const there = place(problem.line);
      if (!there) return problem;
      const { line, indent } = there;
      return { ...problem, file: inline.at.file, line, column: problem.column + indent };
    });
  }
  const file = cloudConfig && valueOf(cloudConfig, 'file');
  if (file?.kind !== 'scalar' || typeof file.value !== 'string') return [];
  const source = await readCloudConfig?.(file.value);
  return source ? check(source) : [];
}

function check(source: SourceText): Problem[] {
  const { document, problems, incomplete } = loadMachineDocument(source);
  if (!document || !incomplete) return problems;
  // A machine makes the best of it; who builds an image can still put it right.
  return problems.map((problem) => ({ ...problem, severity: 'error' }));
}

/** Finds the lines of a block of text (`inline: |`) in the bowl, which starts below the line of the indicator. */
function placeInBowl(bowl: string, text: string, indicatorLine: number) {
  const bowlLines = bowl.split(/\r?\n/);
  const lines = text.split('\n');
  return (line: number): { line: number; indent: number } | undefined => {
    const written = bowlLines[indicatorLine + line - 1];
    const wanted = lines[line - 1];
    if (written === undefined || wanted === undefined) return undefined;
    const indent = written.length - wanted.length;
    const same = indent > 0 && written.endsWith(wanted) && written.slice(0, indent).trim() === '';
    return same || (wanted === '' && written.trim() === '')
      ? { line: indicatorLine + line, indent: Math.max(indent, 0) }
      : undefined;
  };
}
