import { resolve } from 'node:path';
import { type Inspection, inspectImage } from '@bowline/image';
import { Command } from 'commander';
import { defineCommand } from '../command.ts';
import { formatBytes, formatTable } from '../text-table.ts';

/** `bowline inspect IMAGE`: says what is in an image. */
export const inspect = defineCommand<[image: string], object>({
  declare: () =>
    new Command('inspect')
      .summary('say what is in an image')
      .description(
        'Reads an image without starting it: partitions, boot files, kernel and its arguments, root, layers.',
      )
      .argument('<image>', 'disk image (raw, qcow2), ISO, UKI, or the folder of a build'),
  examples: ['bowline inspect out/starter', 'bowline inspect out/starter/starter-0.1.0-amd64.raw --json'],
  run: async ([image], _options, context) => {
    const inspection = await inspectImage(resolve(context.cwd, image), { signal: context.signal });
    return { text: formatInspection(inspection), json: inspection };
  },
});

/** An inspection as text: facts first, then one table each for partitions, files and UKIs. */
function formatInspection(inspection: Inspection): string {
  const blocks: string[] = [facts(inspection)];
  if (inspection.partitions.length > 0) {
    const rows = inspection.partitions.map((part) => [
      String(part.number),
      part.label,
      part.typeName,
      formatBytes(part.sizeBytes),
      part.content,
    ]);
    blocks.push(`Partitions\n${formatTable(['no', 'label', 'type', 'size', 'content'], rows)}`);
  }
  if (inspection.bootFiles.length > 0) {
    const rows = inspection.bootFiles.map((file) => [file.path, formatBytes(file.sizeBytes)]);
    blocks.push(`EFI system partition\n${formatTable(['file', 'size'], rows)}`);
  }
  for (const uki of inspection.ukis) {
    const rows = uki.sections.map((section) => [section.name, formatBytes(section.sizeBytes)]);
    const about = [uki.osName, uki.kernelVersion === undefined ? undefined : `kernel ${uki.kernelVersion}`].filter(
      Boolean,
    );
    blocks.push(
      [
        `UKI ${uki.path}${about.length > 0 ? `: ${about.join(', ')}` : ''}${uki.signed ? ', signed' : ', not signed'}`,
        ...[...new Set(uki.commandLines)].map((line) => `  ${line}`),
        formatTable(['section', 'size'], rows),
      ].join('\n'),
    );
  }
  if (inspection.layers.length > 0) {
    const rows = inspection.layers.map((layer) => [layer.origin, formatBytes(layer.sizeBytes), layer.digest]);
    blocks.push(`Layers\n${formatTable(['origin', 'size', 'digest'], rows)}`);
  }
  if (inspection.artefacts.length > 0) {
    const rows = inspection.artefacts.map((file) => [file.output, file.arch, formatBytes(file.sizeBytes), file.path]);
    blocks.push(`Artefacts\n${formatTable(['output', 'arch', 'size', 'file'], rows)}`);
  }
  if (inspection.problems.length > 0)
    blocks.push(`Problems\n${inspection.problems.map((text) => `- ${text}`).join('\n')}`);
  return blocks.join('\n\n');
}

function facts(inspection: Inspection): string {
  const pairs: [string, string | undefined][] = [
    ['image', inspection.path],
    ['kind', inspection.kind],
    ['architecture', inspection.arch],
    ['name', [inspection.name, inspection.version].filter(Boolean).join(' ') || undefined],
    ['image ID', inspection.imageId],
    ['debug', inspection.debug ? 'yes: it has an open root shell' : undefined],
    ['size', inspection.sizeBytes === undefined ? undefined : formatBytes(inspection.sizeBytes)],
    ['disk size', inspection.diskBytes === undefined ? undefined : formatBytes(inspection.diskBytes)],
    ['volume', inspection.volumeLabel],
    ['kernel', inspection.kernelVersion],
    ['root', inspection.squashfsBytes === undefined ? undefined : `${formatBytes(inspection.squashfsBytes)} squashfs`],
    ['verity root hash', inspection.rootHash],
  ];
  const shown = pairs.filter((pair): pair is [string, string] => pair[1] !== undefined);
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}
