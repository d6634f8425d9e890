/**
 * YAML text to plain data, remembering on which line each key stands. Pure.
 */
import {isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type Document} from 'yaml';
import type {Path} from '../datastore/records/problem.js';

export type ReadDocument =
  | {readonly kind: 'ok'; readonly data: unknown; readonly lineOf: (path: Path) => number}
  | {readonly kind: 'invalid'; readonly problems: readonly {line: number; message: string}[]};

export function readDocument(text: string): ReadDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, {lineCounter: lines, prettyErrors: false});
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    const problems = faults.map(({pos, code, message}) => ({
      line: lineAt(lines, pos[0]),
      message: code === 'MULTIPLE_DOCS' ? 'expected one document, got several' : message,
    }));
    return {kind: 'invalid', problems};
  }
  try {
    const data: unknown = document.toJS({maxAliasCount: 100});
    return {kind: 'ok', data, lineOf: path => lineAt(lines, findOffset(document, path))};
  } catch (error) {
    // Aliases that would unfold into gigabytes, or that point nowhere.
    const message = error instanceof Error ? error.message : String(error);
    return {kind: 'invalid', problems: [{line: 1, message}]};
  }
}

function lineAt(lines: LineCounter, offset: number): number {
  return Math.max(1, lines.linePos(offset).line);
}

/** Where the key or item stands, or the nearest one around it that exists. */
function findOffset(document: Document, path: Path): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(
        ({key}) => String(isScalar(key) ? key.value : key) === String(step),
      );
      if (pair === undefined) break;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = startOf(node) ?? offset;
    } else break;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
