package servingconfig

import (
	_ "embed"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// maxSize is more than any list of models that a server can hold.
const maxSize = 1 << 20

//go:embed model_server_config.txtpb
var messages []byte

// root is the message that models.config holds.
var root = func() protoreflect.MessageDescriptor {
	var file descriptorpb.FileDescriptorProto
	if err := prototext.Unmarshal(messages, &file); err != nil {
		panic(err) // the text beside this file
	}
	described, err := protodesc.NewFile(&file, nil)
	if err != nil {
		panic(err)
	}
	return described.Messages().ByName("ModelServerConfig")
}()

// Parse reads models.config. What it would not write back is refused, so that a config that was read, changed and written
// loses nothing.
func Parse(text string) (Config, error) {
	if len(text) > maxSize {
		return Config{}, fmt.Errorf("%s: it is %d bytes long, and %d are the most", FileName, len(text), maxSize)
	}
	message := dynamicpb.NewMessage(root)
	if err := prototext.Unmarshal([]byte(text), message); err != nil {
		return Config{}, fmt.Errorf("%s: %s; want protobuf text format, and in each config name, base_path, model_platform, model_version_policy and version_labels",
			FileName, reason(err))
	}
	if !has(message, "model_config_list") {
		return Config{}, fmt.Errorf("%s: it holds no model_config_list, and a server takes no action on such a file; write model_config_list {} to serve nothing", FileName)
	}
	var config Config
	list := get(get(message, "model_config_list").Message(), "config").List()
	for at := range list.Len() {
		model, err := readModel(list.Get(at).Message())
		if err != nil {
			return Config{}, err
		}
		config.Models = append(config.Models, model)
	}
	return config, config.Validate()
}

func readModel(message protoreflect.Message) (Model, error) {
	model := Model{Name: get(message, "name").String(), BasePath: get(message, "base_path").String()}
	if found := get(message, "model_platform").String(); found != platform {
		return model, fmt.Errorf("%s: model %s: model_platform is %s: want %q", FileName, shown(model.Name), shown(found), platform)
	}
	versions, err := readPolicy(get(message, "model_version_policy").Message())
	if err != nil {
		return model, fmt.Errorf("%s: model %s: %w", FileName, shown(model.Name), err)
	}
	model.Versions = versions
	labels := get(message, "version_labels").Map()
	if labels.Len() > 0 {
		model.Labels = map[string]int64{}
	}
	labels.Range(func(label protoreflect.MapKey, version protoreflect.Value) bool {
		model.Labels[label.String()] = version.Int()
		return true
	})
	return model, nil
}

// readPolicy returns the versions that a policy names; none where it means the newest.
func readPolicy(policy protoreflect.Message) ([]int64, error) {
	switch {
	case has(policy, "all"):
		return nil, fmt.Errorf("model_version_policy is all, which loads whatever lies there: name the versions, such as specific { versions: 1 }")
	case has(policy, "latest"):
		if count := get(get(policy, "latest").Message(), "num_versions").Uint(); count > 1 {
			return nil, fmt.Errorf("model_version_policy is the latest %d versions: name them, such as specific { versions: 1 versions: 2 }", count)
		}
	case has(policy, "specific"):
		listed := get(get(policy, "specific").Message(), "versions").List()
		if listed.Len() == 0 {
			return nil, fmt.Errorf("model_version_policy is specific and names no version: name one, or leave the model out")
		}
		versions := make([]int64, listed.Len())
		for at := range versions {
			versions[at] = listed.Get(at).Int()
		}
		return versions, nil
	}
	return nil, nil
}

func get(message protoreflect.Message, name protoreflect.Name) protoreflect.Value {
	return message.Get(message.Descriptor().Fields().ByName(name))
}

func has(message protoreflect.Message, name protoreflect.Name) bool {
	return message.Has(message.Descriptor().Fields().ByName(name))
}

// reason is what the library says, without the prefix that it writes differently from program to program on purpose.
func reason(err error) string {
	text := strings.ReplaceAll(err.Error(), "\u00a0", " ")
	return strings.TrimPrefix(text, "proto: ")
}
