/**
 * Values as JSON or YAML. Shell only in that it loads the YAML package when it is needed.
 */
export async function formatValue(value: unknown, format: 'json' | 'yaml'): Promise<string> {
  if (format === 'json') return `${JSON.stringify(value, null, 2)}\n`;
  const {stringify} = await import('yaml');
  return stringify(value, {aliasDuplicateObjects: false, lineWidth: 0});
}
