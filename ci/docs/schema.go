package docs

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Query asks an engine for everything that it serves, the module's functions among it.
const Query = `{ __schema { types { name description fields { name description type { ...t } args { name description defaultValue type { ...t } } } } } }
fragment t on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }`

// Schema is what an engine serves: its types by name.
type Schema struct {
	types map[string]object
	root  string // the module's main type
}

type object struct {
	Name, Description string
	Fields            []field
}

type field struct {
	Name, Description string
	Type              reference
	Args              []argument
}

type argument struct {
	Name, Description string
	DefaultValue      *string
	Type              reference
}

type reference struct {
	Kind, Name string
	OfType     *reference
}

// ReadSchema decodes the answer to [Query]; module is the name of the module, as in dagger.json.
func ReadSchema(text []byte, module string) (Schema, error) {
	var answer struct {
		Schema struct{ Types []object } `json:"__schema"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return Schema{}, fmt.Errorf("the engine's answer: %w", err)
	}
	schema := Schema{types: map[string]object{}, root: capital(camel(module))}
	for _, of := range answer.Schema.Types {
		schema.types[of.Name] = of
	}
	if _, found := schema.types[schema.root]; !found {
		return Schema{}, fmt.Errorf("the engine does not serve the module %s: there is no type %s among the %d of its answer", module, schema.root, len(schema.types))
	}
	return schema, nil
}

// Undocumented lists the module's types, functions and parameters that have no text, and first lines that are none.
func (s Schema) Undocumented() []string {
	var found []string
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	for _, name := range slices.Sorted(maps.Keys(s.types)) {
		if !s.own(name) {
			continue
		}
		of := s.types[name]
		if blank(of.Description) && name != s.root {
			say("type %s has no text", name)
		}
		for _, function := range of.Fields {
			if function.Name == "id" {
				continue
			}
			where := name + "." + function.Name
			first, _, _ := strings.Cut(strings.TrimSpace(function.Description), "\n")
			switch {
			case first == "":
				say("%s has no text", where)
			case !strings.ContainsAny(first[len(first)-1:], ".:"):
				say("%s: its first line is no sentence of its own: %q", where, first)
			}
			s.arguments(where, function, say)
		}
	}
	if constructor, found := s.constructor(); found {
		s.arguments(s.root, constructor, say)
	}
	return found
}

func (s Schema) arguments(where string, function field, say func(string, ...any)) {
	for _, argument := range function.Args {
		if blank(argument.Description) {
			say("%s: the parameter %s has no text", where, kebab(argument.Name))
		}
	}
}

// own tells the module's own types from the engine's.
func (s Schema) own(name string) bool {
	return strings.HasPrefix(name, s.root) && len(s.types[name].Fields) > 0
}

// constructor is the function that takes the module's own flags. Of the module that a session is about, the engine serves the
// functions among its own and calls the constructor "with".
func (s Schema) constructor() (field, bool) { return find(s.types["Query"].Fields, "with") }

// Check holds the words after `dagger call` against the schema: every function must be there, every flag be one of its
// function's, and every flag that must be given be given.
func (s Schema) Check(args []string) error {
	constructor, found := s.constructor()
	if !found {
		return fmt.Errorf("the engine serves no constructor of %s", s.root)
	}
	function, of := constructor, s.types[s.root]
	for {
		rest, err := flagsOf(function, args)
		if err != nil || len(rest) == 0 {
			return err
		}
		word := rest[0]
		next, found := find(of.Fields, word)
		if !found {
			return fmt.Errorf("%s has no function %s; it has %s", of.Name, word, strings.Join(functions(of), ", "))
		}
		function, of, args = next, s.types[next.Type.named()], rest[1:]
	}
}

// flagsOf takes a function's flags from the front of args and returns the rest.
func flagsOf(function field, args []string) ([]string, error) {
	missing := map[string]bool{}
	for _, argument := range function.Args {
		if argument.Type.Kind == "NON_NULL" && argument.DefaultValue == nil {
			missing[kebab(argument.Name)] = true
		}
	}
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		name, _, given := strings.Cut(strings.TrimLeft(args[0], "-"), "=")
		args = args[1:]
		if slices.Contains([]string{"help", "progress", "o", "output", "json", "j"}, name) {
			if name == "progress" || name == "o" || name == "output" {
				args = args[min(1, len(args)):]
			}
			continue
		}
		at := slices.IndexFunc(function.Args, func(argument argument) bool { return kebab(argument.Name) == name })
		if at < 0 {
			return nil, fmt.Errorf("%s has no flag --%s; it has %s", kebab(function.Name), name, strings.Join(parameters(function), ", "))
		}
		delete(missing, name)
		if given || function.Args[at].Type.named() == "Boolean" {
			continue
		}
		if len(args) == 0 {
			return nil, fmt.Errorf("the flag --%s has no value", name)
		}
		args = args[1:]
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("%s needs --%s", kebab(function.Name), strings.Join(slices.Sorted(maps.Keys(missing)), ", --"))
	}
	return args, nil
}

func (r reference) named() string {
	for r.OfType != nil {
		r = *r.OfType
	}
	return r.Name
}

func find(fields []field, word string) (field, bool) {
	at := slices.IndexFunc(fields, func(of field) bool { return kebab(of.Name) == word })
	if at < 0 {
		return field{}, false
	}
	return fields[at], true
}

func functions(of object) []string {
	var names []string
	for _, function := range of.Fields {
		if function.Name != "id" {
			names = append(names, kebab(function.Name))
		}
	}
	return names
}

func parameters(function field) []string {
	names := []string{}
	for _, argument := range function.Args {
		names = append(names, "--"+kebab(argument.Name))
	}
	return names
}

func blank(text string) bool { return strings.TrimSpace(text) == "" }

// kebab is a name as the command line writes it: gpuCheck is gpu-check.
func kebab(name string) string {
	var out strings.Builder
	letters := []rune(name)
	for at, letter := range letters {
		upper := unicode.IsUpper(letter)
		if upper && at > 0 && (!unicode.IsUpper(letters[at-1]) || at+1 < len(letters) && unicode.IsLower(letters[at+1])) {
			out.WriteByte('-')
		}
		out.WriteRune(unicode.ToLower(letter))
	}
	return out.String()
}

// camel is a name as the schema writes it: tensorflow-ci is tensorflowCi.
func camel(name string) string {
	parts := strings.Split(name, "-")
	for at := 1; at < len(parts); at++ {
		parts[at] = capital(parts[at])
	}
	return strings.Join(parts, "")
}

func capital(word string) string {
	if word == "" {
		return ""
	}
	return strings.ToUpper(word[:1]) + word[1:]
}
