#!/usr/bin/env ruby
# Two jobs, the second after each success of the first: make them, start the first, and read what the second wrote.
#
#   contrib/examples/dependent_jobs.rb [http://127.0.0.1:8000]

require "json"
require "net/http"

API = "#{ARGV.fetch(0, 'http://127.0.0.1:8000')}/api/v1"

# The text of an answer; an error of the server ends the program with its words.
def call(method, path, body = nil)
  uri = URI(API + path)
  request = Net::HTTP.const_get(method.capitalize).new(uri)
  request.body = JSON.generate(body) if body
  answer = Net::HTTP.start(uri.host, uri.port) { |http| http.request(request) }
  abort "#{method} #{path}: #{JSON.parse(answer.body)['error']}" unless answer.is_a?(Net::HTTPSuccess)
  answer.body
end

def create(**job)
  JSON.parse(call("post", "/job/", job))["id"]
end

parent = create(name: "extract", command: "echo extracted", schedule: "@manual")
child = create(name: "load", command: "echo loaded", parent_jobs: [parent])

# Answers when the run, and the child's run after it, are over.
call("post", "/job/start/#{parent}/")

run = JSON.parse(call("get", "/job/#{child}/runs/?limit=1"))["runs"].first
puts "the child wrote: #{call('get', "/job/#{child}/runs/#{run['id']}/output/").strip}"

# The child has no other parent: it goes along.
call("delete", "/job/#{parent}/")
