// Loads dashboards as strictly as Grafana's own types allow, and tells of each file what is not of their schema.
package main

import (
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	plugins.RegisterDefaultPlugins()
	failed := false
	for _, path := range os.Args[1:] {
		if err := check(path); err != nil {
			failed = true
			fmt.Printf("%s: %v\n", path, err)
		}
	}
	if failed {
		os.Exit(1)
	}
}

func check(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var loaded dashboard.Dashboard
	// Of what is right it returns an error that says nothing.
	if err := loaded.UnmarshalJSONStrict(content); err != nil && err.Error() != "" {
		return err
	}
	return loaded.Validate()
}
