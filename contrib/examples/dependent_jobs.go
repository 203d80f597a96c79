// Two jobs, the second after each success of the first: make them, start the first, and read what the second wrote.
//
//	go run contrib/examples/dependent_jobs.go [http://127.0.0.1:8000]
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
)

var api = "http://127.0.0.1:8000/api/v1"

// call gives the bytes of an answer; an error of the server ends the program with its words.
func call(method, path string, body any) []byte {
	data, err := json.Marshal(body)
	check(err)
	request, err := http.NewRequest(method, api+path, bytes.NewReader(data))
	check(err)
	answer, err := http.DefaultClient.Do(request)
	check(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	check(err)
	if answer.StatusCode >= 300 {
		log.Fatalf("%s %s: %s", method, path, text)
	}
	return text
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

type job map[string]any

func create(j job) string {
	var created struct{ ID string }
	check(json.Unmarshal(call("POST", "/job/", j), &created))
	return created.ID
}

func main() {
	if len(os.Args) > 1 {
		api = os.Args[1] + "/api/v1"
	}
	parent := create(job{"name": "extract", "command": "echo extracted", "schedule": "@manual"})
	child := create(job{"name": "load", "command": "echo loaded", "parent_jobs": []string{parent}})

	// Answers when the run, and the child's run after it, are over.
	call("POST", "/job/start/"+parent+"/", nil)

	var history struct{ Runs []struct{ ID string } }
	check(json.Unmarshal(call("GET", "/job/"+child+"/runs/?limit=1", nil), &history))
	output := call("GET", "/job/"+child+"/runs/"+history.Runs[0].ID+"/output/", nil)
	fmt.Println("the child wrote:", strings.TrimSpace(string(output)))

	// The child has no other parent: it goes along.
	call("DELETE", "/job/"+parent+"/", nil)
}
