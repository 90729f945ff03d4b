import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { type DocComment, parseDocComment } from './doc_comment.ts';

/** A method or property of a class or of a type: `signature` is its code. */
export type Member = { name: string; signature: string; doc: DocComment };

/** What the package exports under a name, from a file in `src`. `code` is its declaration, for a class without its members. */
export type Export = {
  name: string;
  file: string;
  kind: 'class' | 'function' | 'type' | 'value';
  code: string;
  doc: DocComment;
  members: readonly Member[];
  /** The class whose members this class has, too. */
  base: string | undefined;
};

const source = fileURLToPath(new URL('..', import.meta.url));

/** What users import, by the files in `src`: `./migrations` has no more than docs/migrations.md tells. */
const entries = ['index.ts', 'types.ts', 'schemas.ts', 'migrations/index.ts', 'testing/index.ts'];

/** Everything that the package exports, in the order of its files and, within a file, of its lines. */
export function readSurface(): Export[] {
  const files = entries.map((entry) => fileURLToPath(new URL(`../${entry}`, import.meta.url)));
  const project = fileURLToPath(new URL('../../tsconfig.json', import.meta.url));
  const { config } = ts.readConfigFile(project, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, source);
  const program = ts.createProgram(files, options);
  const checker = program.getTypeChecker();
  const exported = files.flatMap((entry) => {
    const file = program.getSourceFile(entry);
    const module = file && checker.getSymbolAtLocation(file);
    if (!module) throw new Error(`${entry} exports nothing.`);
    return checker.getExportsOfModule(module);
  });
  const known = new Set<ts.Declaration>();
  const declared = exported.flatMap((symbol) => {
    const { name } = symbol;
    const original = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    const declaration = original.declarations?.[0];
    if (!declaration || known.has(declaration)) return [];
    known.add(declaration);
    return [{ name, symbol: original, declaration }];
  });
  const printed = new Printed(checker, declared);
  return declared
    .map(({ name, symbol, declaration }) => ({
      place: placeOf(declaration),
      read: printed.read(name, symbol, declaration),
    }))
    .sort((a, b) => a.place.file.localeCompare(b.place.file) || a.place.position - b.place.position)
    .map(({ read }) => read);
}

function placeOf(declaration: ts.Node): { file: string; position: number } {
  return { file: relative(source, declaration.getSourceFile().fileName), position: declaration.pos };
}

type Declared = { name: string; symbol: ts.Symbol; declaration: ts.Declaration };

/** Prints declarations as a reader wants them: as they stand, and where that names no field, with the fields. */
class Printed {
  readonly #checker: ts.TypeChecker;
  /** How the checker writes an exported type out, by which it is found in others. */
  readonly #names: readonly (readonly [text: string, name: string])[];

  constructor(checker: ts.TypeChecker, declared: readonly Declared[]) {
    this.#checker = checker;
    this.#names = declared
      .filter(({ declaration }) => ts.isTypeAliasDeclaration(declaration) && !declaration.typeParameters)
      .map(({ name, symbol }) => [this.#text(checker.getDeclaredTypeOfSymbol(symbol)), name] as const)
      .filter(([text]) => /^\{|\|/.test(text) && text.length > 20)
      .sort(([a], [b]) => b.length - a.length);
  }

  read(name: string, symbol: ts.Symbol, declaration: ts.Declaration): Export {
    const { file } = placeOf(declaration);
    const doc = docOf(ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration);
    const common = { name, file, doc, members: [], base: undefined };
    if (ts.isClassDeclaration(declaration)) return { ...common, kind: 'class', ...this.#class(declaration) };
    if (ts.isFunctionDeclaration(declaration)) {
      return { ...common, kind: 'function', code: this.#signature(name, declaration) };
    }
    if (ts.isTypeAliasDeclaration(declaration)) return { ...common, kind: 'type', ...this.#alias(symbol, declaration) };
    if (ts.isInterfaceDeclaration(declaration)) return { ...common, kind: 'type', ...this.#interface(declaration) };
    return { ...common, kind: 'value', code: ts.isVariableDeclaration(declaration) ? this.#value(declaration) : '' };
  }

  /** With the fields that a schema is made of, which have its limits. */
  #value(declaration: ts.VariableDeclaration): string {
    const code = shortened(codeOf(declaration));
    if (!/\bfields\b/.test(code)) return code;
    const statements = declaration.getSourceFile().statements.filter(ts.isVariableStatement);
    const fields = statements.find(
      ({ declarationList }) => declarationList.declarations[0]?.name.getText() === 'fields',
    );
    return fields ? `${codeOf(fields)}\n${code}` : code;
  }

  #class(declaration: ts.ClassDeclaration): Pick<Export, 'code' | 'members' | 'base'> {
    const head = /^[^{]*?(?=\s*\{)/.exec(codeOf(declaration))?.[0] ?? '';
    const members = declaration.members.filter(
      (member) => (ts.isMethodDeclaration(member) || ts.isPropertyDeclaration(member)) && isPublic(member),
    );
    const base = declaration.heritageClauses?.[0]?.types[0]?.expression.getText();
    return { code: head, base, members: members.map((member) => this.#member(member)) };
  }

  #interface(declaration: ts.InterfaceDeclaration): Pick<Export, 'code' | 'members'> {
    const { members } = declaration;
    const code = codeOf(declaration);
    if (!members.some(ts.isMethodSignature)) return { code, members: [] };
    return { code: `${code.slice(0, code.indexOf('{'))}{ … }`, members: members.map((member) => this.#member(member)) };
  }

  #alias(symbol: ts.Symbol, declaration: ts.TypeAliasDeclaration): Pick<Export, 'code' | 'members'> {
    const literals = [declaration.type, ...(ts.isIntersectionTypeNode(declaration.type) ? declaration.type.types : [])];
    const literal = literals.find(ts.isTypeLiteralNode);
    if (literal?.members.some(ts.isMethodSignature)) {
      const code = codeOf(declaration).replace(literal.getText(), '{ … }');
      return { code, members: literal.members.map((member) => this.#member(member)) };
    }
    const namesNoField = /\btypeof \w+(?:>|\)\[)|Selectable</.test(declaration.type.getText());
    if (!namesNoField || declaration.typeParameters) return { code: codeOf(declaration), members: [] };
    return {
      code: `type ${symbol.name} = ${this.#fields(this.#checker.getDeclaredTypeOfSymbol(symbol))};`,
      members: [],
    };
  }

  #fields(type: ts.Type): string {
    const properties = type.isUnion() || this.#checker.isArrayType(type) ? [] : type.getProperties();
    const isObject = (type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)) !== 0;
    if (!isObject || properties.length === 0) return this.#text(type);
    const lines = properties.map((property) => {
      const optional = property.flags & ts.SymbolFlags.Optional ? '?' : '';
      const text = this.#named(this.#text(this.#checker.getTypeOfSymbol(property)));
      return `  ${property.name}${optional}: ${optional ? text.replace(/ \| undefined$/, '') : text};`;
    });
    return `{\n${lines.join('\n')}\n}`;
  }

  #text(type: ts.Type): string {
    const { NoTruncation, InTypeAlias, UseSingleQuotesForStringLiteralType } = ts.TypeFormatFlags;
    return this.#checker.typeToString(
      type,
      undefined,
      NoTruncation | InTypeAlias | UseSingleQuotesForStringLiteralType,
    );
  }

  #named(text: string): string {
    return this.#names.reduce((named, [long, name]) => named.replaceAll(long, name), text);
  }

  #member(member: ts.ClassElement | ts.TypeElement): Member {
    const name = member.name?.getText() ?? '';
    const doc = docOf(member);
    if (ts.isMethodDeclaration(member) || ts.isMethodSignature(member)) {
      return { name, doc, signature: this.#signature(name, member) };
    }
    return { name, doc, signature: codeOf(member).replace(/^(declare|override) /, '') };
  }

  #signature(name: string, declaration: ts.SignatureDeclaration): string {
    const types = declaration.typeParameters
      ? `<${declaration.typeParameters.map((each) => each.getText()).join(', ')}>`
      : '';
    const parameters = declaration.parameters.map((parameter) => {
      const called = ts.isIdentifier(parameter.name) ? parameter.name.text : 'options';
      const optional = parameter.questionToken || parameter.initializer ? '?' : '';
      return `${called}${optional}: ${parameter.type?.getText() ?? 'unknown'}`;
    });
    const signature = this.#checker.getSignatureFromDeclaration(declaration);
    const returned = declaration.type?.getText() ?? (signature ? this.#text(signature.getReturnType()) : 'void');
    const line = `${name}${types}(${parameters.join(', ')}): ${returned}`;
    if (line.length <= 100) return line;
    return `${name}${types}(\n${parameters.map((each) => `  ${each},\n`).join('')}): ${returned}`;
  }
}

function isPublic(member: ts.ClassElement): boolean {
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected | ts.ModifierFlags.Static;
  return member.name?.kind === ts.SyntaxKind.Identifier && (ts.getCombinedModifierFlags(member) & hidden) === 0;
}

function docOf(node: ts.Node): DocComment {
  return parseDocComment(ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc).at(-1)?.getText());
}

/** A long list by how it begins. */
function shortened(code: string): string {
  const lines = code.split('\n');
  return lines.length <= 20 ? code : [...lines.slice(0, 4), '  …', ...lines.slice(-2)].join('\n');
}

/** As it stands in the source, without `export`. */
function codeOf(node: ts.Node): string {
  return node.getText().replace(/^export /, '');
}
