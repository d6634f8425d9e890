/** Fields of a log line on their way to another thread: a clone of an Error loses its code. Pure. */
export function plainFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (!(value instanceof Error)) return [name, value];
      const {message, code} = value as NodeJS.ErrnoException;
      return [name, {type: value.name, message, code}];
    }),
  );
}
