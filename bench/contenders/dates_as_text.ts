import { type CustomTypesConfig, types } from 'pg';

/**
 * What `pg` parses as it does by itself, with one exception: a date stays text, as in this package's rows, instead of
 * becoming a moment. So all contenders give the same rows.
 */
export const datesAsText: CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    oid === types.builtins.DATE ? (text: string) => text : types.getTypeParser(oid, format),
};
