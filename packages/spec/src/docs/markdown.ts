import { stringify } from 'yaml';
import * as z from 'zod';
import { type Field, optionsOf, wordsOf } from '../schema/describe.ts';

/** What the references of different documents say differently. */
export interface ReferenceStyle {
  /** The default, or that there must be a value. */
  presence(field: Field): string;
  /** What else there is to say, or an empty text. */
  note(field: Field): string;
  /** The note as a line of the facts of a key of the top. */
  noteLine(note: string): string;
}

/** The section of a key of the top, with everything below it in one table. */
export function renderSection(top: Field, fields: readonly Field[], style: ReferenceStyle): string {
  const parts = [
    `### ${top.path}`,
    top.meta.description ?? '',
    facts(top, style),
    yamlBlock({ [top.key]: top.meta.examples?.[0] }),
  ];
  const below = fields.filter(
    (field) => field.path.startsWith(`${top.path}.`) || field.path.startsWith(`${top.path}[]`),
  );
  if (below.length > 0) parts.push(renderTable(below, style));
  return parts.filter((part) => part !== '').join('\n\n');
}

function renderTable(fields: readonly Field[], style: ReferenceStyle): string {
  const rows = fields.map((field) => {
    const example = inline(field.meta.examples?.[0]);
    const notes = [field.meta.description ?? '', field.meta.secret ? 'Secret: never shown.' : '', style.note(field)];
    return `| \`${field.path}\` | ${cell(typeOf(field))} | ${cell(style.presence(field))} | ${cell(notes.filter(Boolean).join(' '))} | ${cell(example)} |`;
  });
  return ['| key | type | default | meaning | example |', '|---|---|---|---|---|', ...rows].join('\n');
}

function facts(field: Field, style: ReferenceStyle): string {
  const lines = [`- Type: ${typeOf(field)}`, `- Default: ${style.presence(field)}`];
  const note = style.note(field);
  if (note !== '') lines.push(style.noteLine(note));
  return lines.join('\n');
}

function typeOf(field: Field): string {
  return typeName(field.schema);
}

function typeName(schema: z.ZodType): string {
  const words = wordsOf(schema).map((word) => `\`${word}\``);
  const kinds = optionsOf(schema).flatMap((option) => {
    if (option instanceof z.ZodEnum || option instanceof z.ZodLiteral) return [];
    if (option instanceof z.ZodArray) return [`list of ${typeName(option.element as z.ZodType)}`];
    if (option instanceof z.ZodObject || option instanceof z.ZodRecord) return ['map'];
    if (option instanceof z.ZodNumberFormat) return ['whole number'];
    return [
      option.def.type === 'string' ? 'text' : option.def.type === 'boolean' ? '`true` or `false`' : option.def.type,
    ];
  });
  return [...words, ...new Set(kinds)].join(' or ');
}

/** A value as code. */
export function inline(value: unknown): string {
  return value === undefined ? '' : `\`${JSON.stringify(value)}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/** A value as a YAML block. */
export function yamlBlock(value: unknown): string {
  return `\`\`\`yaml\n${stringify(value, { lineWidth: 0 })}\`\`\``;
}
