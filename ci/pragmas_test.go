package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestObjectsAreNotCachedAcrossSessions holds that every function of the module which returns an object of the module says
// how it is cached: an engine may keep such an object longer than the directories that it names.
func TestObjectsAreNotCachedAcrossSessions(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range files {
		if strings.HasSuffix(name, "dagger.gen.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Recv == nil || !function.Name.IsExported() || !returnsObject(function) {
				continue
			}
			seen++
			if !strings.Contains(function.Doc.Text(), "+cache=") {
				t.Errorf("%s: %s returns an object of the module: add +cache=\"session\", or \"never\" to a side effect",
					filepath.Base(name), function.Name.Name)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d functions that return an object were found", seen)
	}
}

// returnsObject tells whether the first result is a pointer to a type of the module itself.
func returnsObject(function *ast.FuncDecl) bool {
	if function.Type.Results == nil {
		return false
	}
	pointer, ok := function.Type.Results.List[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	object, ok := pointer.X.(*ast.Ident)
	return ok && object.IsExported()
}
